"""The cluster of an environment."""

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from config.add_ons import version_problems
from config.errors import Problem, within
from config.node_group import NodeGroup
from config.retention import retention_problems

KUBECTL_VERSION = "1.35"
"""The kubectl that applies the charts: the layer's version in stacks/cluster.py."""

AUTOSCALERS: Mapping[str, str] = {"1.34": "1.34.5", "1.35": "1.35.2", "1.36": "1.36.1"}
"""The Cluster Autoscaler of each Kubernetes version: it simulates that version's scheduler."""

_MAX_ENDPOINT_CIDRS = 40
"""Of a cluster's public endpoint ("Service quotas" of Amazon EKS)."""

SupportType = Literal["STANDARD", "EXTENDED"]


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """An EKS cluster."""

    version: str
    """Kubernetes minor version; raising it by one upgrades control plane and nodes in place, and
    their autoscaler with them."""
    endpoint_cidrs: tuple[str, ...]
    """Who may reach the API server from outside the VPC; nobody when empty."""
    log_retention_days: int
    support_type: SupportType
    """What EKS does when the version's standard support ends: upgrade it, or charge six times as
    much an hour for extended support."""
    zonal_shift: bool
    """Whether traffic may be moved out of a zone that fails (Application Recovery Controller)."""
    node_groups: tuple[NodeGroup, ...]
    add_on_versions: Mapping[str, str] = field(default_factory=dict)
    """Add-on → version; EKS's default for the cluster's version where there is none."""

    @property
    def autoscaler_version(self) -> str:
        return AUTOSCALERS[self.version]

    def problems(self) -> Iterator[Problem]:
        yield from self._version_problems()
        for cidr in self.endpoint_cidrs:
            yield from _endpoint_problems(cidr)
        if len(self.endpoint_cidrs) > _MAX_ENDPOINT_CIDRS:
            right = f"EKS takes {_MAX_ENDPOINT_CIDRS} networks at most"
            yield Problem("endpoint_cidrs", f"{len(self.endpoint_cidrs)} networks", right)
        yield from retention_problems("log_retention_days", self.log_retention_days)
        if self.support_type not in ("STANDARD", "EXTENDED"):
            yield Problem("support_type", self.support_type, "it must be STANDARD or EXTENDED")
        yield from version_problems(self.add_on_versions, cluster=self.version)
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
        elif self.version not in AUTOSCALERS:
            right = f"AUTOSCALERS of config/cluster.py has {', '.join(AUTOSCALERS)}: add it there"
            yield Problem("version", self.version, right)


def _endpoint_problems(cidr: str) -> Iterator[Problem]:
    try:
        network = ipaddress.IPv4Network(cidr)
    except ValueError:
        yield Problem("endpoint_cidrs", cidr, "it must be an IPv4 network such as '1.2.3.0/24'")
        return
    if network.prefixlen == 0:
        yield Problem("endpoint_cidrs", cidr, "name the networks that need it, not everybody")
    elif not network.is_global:
        right = (
            "EKS takes public addresses only; from inside the VPC the API server is reached anyway"
        )
        yield Problem("endpoint_cidrs", cidr, right)
