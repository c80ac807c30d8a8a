"""The cluster and the node groups of an environment."""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from config.errors import Problem, within
from config.instance_types import INSTANCE_TYPES, Architecture, InstanceType
from config.retention import retention_problems

KUBECTL_VERSION = "1.35"
"""The kubectl that applies the charts: the layer's version in stacks/cluster.py."""

AmiType = Literal["AL2023_x86_64_STANDARD", "AL2023_ARM_64_STANDARD"]
AMI_ARCHITECTURES: dict[AmiType, Architecture] = {
    "AL2023_x86_64_STANDARD": "x86_64",
    "AL2023_ARM_64_STANDARD": "arm64",
}

MINIMUM_DISK_GIB = 20
"""The AL2023 image's own root volume size."""


@dataclass(frozen=True, kw_only=True)
class NodeGroup:
    """A managed node group on demand; its name is a construct id: renaming replaces the nodes."""

    name: str
    instance_types: tuple[str, ...]
    ami_type: AmiType
    min_size: int
    desired_size: int
    """How many nodes a new group starts with; an autoscaler moves it later."""
    max_size: int
    disk_gib: int

    def smallest(self, *, prefix_delegation: bool) -> int:
        """Return the pods that any node of the group holds: those of its smallest type."""
        types = (INSTANCE_TYPES[name] for name in self.instance_types)
        return min(t.max_pods(prefix_delegation=prefix_delegation) for t in types)

    def problems(self) -> Iterator[Problem]:
        names = self.instance_types
        if not names or len(set(names)) != len(names):
            yield Problem("instance_types", names, "it must name at least one type, each once")
        for name in self.instance_types:
            yield from self._type_problems(name, INSTANCE_TYPES.get(name))
        if self.ami_type not in AMI_ARCHITECTURES:
            right = f"it must be one of {', '.join(AMI_ARCHITECTURES)}"
            yield Problem("ami_type", self.ami_type, right)
        if not 0 <= self.min_size <= self.desired_size <= self.max_size or self.max_size < 1:
            sizes = (self.min_size, self.desired_size, self.max_size)
            right = "it must hold 0 <= min <= desired <= max and max >= 1"
            yield Problem("(min, desired, max) size", sizes, right)
        if self.disk_gib < MINIMUM_DISK_GIB:
            right = f"the image needs at least {MINIMUM_DISK_GIB}"
            yield Problem("disk_gib", self.disk_gib, right)

    def _type_problems(self, name: str, known: InstanceType | None) -> Iterator[Problem]:
        wanted = AMI_ARCHITECTURES.get(self.ami_type)
        if known is None:
            right = "add it to config/instance_types.py, or use one that is there"
            yield Problem("instance_types", name, right)
        elif wanted is not None and known.architecture != wanted:
            right = f"ami_type {self.ami_type} boots {wanted}; this type is {known.architecture}"
            yield Problem("instance_types", name, right)


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """An EKS cluster."""

    version: str
    """Kubernetes minor version; raising it by one upgrades control plane and nodes in place."""
    endpoint_cidrs: tuple[str, ...]
    """Who may reach the API server from outside the VPC; nobody when empty."""
    log_retention_days: int
    node_groups: tuple[NodeGroup, ...]

    def problems(self) -> Iterator[Problem]:
        yield from self._version_problems()
        for cidr in self.endpoint_cidrs:
            yield from _endpoint_problems(cidr)
        yield from retention_problems("log_retention_days", self.log_retention_days)
        names = [group.name for group in self.node_groups]
        if not names or len(set(names)) != len(names):
            yield Problem("node_groups", names, "it must hold groups of different names")
        for group in self.node_groups:
            yield from within(f"node_groups[{group.name}]", group.problems())

    def _version_problems(self) -> Iterator[Problem]:
        kubectl = int(KUBECTL_VERSION.split(".")[1])
        accepted = [f"1.{minor}" for minor in (kubectl - 1, kubectl, kubectl + 1)]
        if self.version not in accepted:
            right = f"kubectl {KUBECTL_VERSION} serves {', '.join(accepted)}"
            yield Problem("version", self.version, right)


def _endpoint_problems(cidr: str) -> Iterator[Problem]:
    try:
        network = ipaddress.IPv4Network(cidr)
    except ValueError:
        yield Problem("endpoint_cidrs", cidr, "it must be an IPv4 network such as '192.0.2.0/24'")
        return
    if network.prefixlen == 0:
        yield Problem("endpoint_cidrs", cidr, "name the networks that need it, not everybody")
