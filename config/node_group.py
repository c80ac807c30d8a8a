"""A node group of a cluster."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from config.capacity import Room, smallest
from config.errors import Problem
from config.instance_types import INSTANCE_TYPES, Architecture, InstanceType

AmiType = Literal[
    "AL2023_x86_64_STANDARD",
    "AL2023_ARM_64_STANDARD",
    "BOTTLEROCKET_x86_64",
    "BOTTLEROCKET_ARM_64",
]
AMI_ARCHITECTURES: Mapping[AmiType, Architecture] = {
    "AL2023_x86_64_STANDARD": "x86_64",
    "AL2023_ARM_64_STANDARD": "arm64",
    "BOTTLEROCKET_x86_64": "x86_64",
    "BOTTLEROCKET_ARM_64": "arm64",
}
CapacityType = Literal["ON_DEMAND", "SPOT"]
Effect = Literal["NO_SCHEDULE", "PREFER_NO_SCHEDULE", "NO_EXECUTE"]
EFFECTS: tuple[Effect, ...] = ("NO_SCHEDULE", "PREFER_NO_SCHEDULE", "NO_EXECUTE")

MINIMUM_DISK_GIB = 20
"""The size of the volume that an EKS image keeps its containers on."""

_NAME = re.compile(r"[a-z][a-z0-9]{2,29}")
_KEY = re.compile(
    r"([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
)
_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")
_RESERVED = ("kubernetes.io", "k8s.io", "eks.amazonaws.com")


@dataclass(frozen=True, kw_only=True)
class Taint:
    """What keeps pods that don't tolerate it off the nodes, or with PREFER_ lets them come last."""

    key: str
    value: str = ""
    effect: Effect

    def problems(self) -> Iterator[Problem]:
        yield from _pair_problems("taints", self.key, self.value)
        if self.effect not in EFFECTS:
            right = f"its effect must be one of {', '.join(EFFECTS)}"
            yield Problem("taints", self.effect, right)


@dataclass(frozen=True, kw_only=True)
class NodeGroup:
    """A managed node group; its name is a construct id: renaming replaces the nodes."""

    name: str
    instance_types: tuple[str, ...]
    """Nodes hold as many pods as the smallest of these; for spot several, of like size."""
    ami_type: AmiType
    capacity_type: CapacityType = "ON_DEMAND"
    min_size: int
    desired_size: int
    """How many nodes a new group starts with; an autoscaler moves it later."""
    max_size: int
    disk_gib: int
    """The volume that containers and their images are on."""
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    max_unavailable_percent: int = 33
    """How many of the nodes an update takes away at a time, at least one."""
    repair: bool = True
    """Whether EKS replaces nodes that the node monitoring agent finds broken."""
    zonal: bool = False
    """Whether it is a group of EKS's own in each zone, with an equal share of the sizes: a volume
    stays in its zone, and only such a group is sure to give its pod a node there."""

    @property
    def open(self) -> bool:
        """Whether pods without tolerations run here."""
        return all(taint.effect == "PREFER_NO_SCHEDULE" for taint in self.taints)

    @property
    def types(self) -> list[InstanceType]:
        return [INSTANCE_TYPES[name] for name in self.instance_types]

    def node(self, *, prefix_delegation: bool) -> Room:
        """Return what any node of the group gives to pods: what its smallest type has."""
        rooms = (t.allocatable(prefix_delegation=prefix_delegation) for t in self.types)
        return smallest(*rooms)

    def addresses(self, *, zones: int, prefix_delegation: bool) -> int:
        """Return how many addresses the group holds at its largest, in the midst of an update.

        EKS then adds two nodes a zone, or as many as may be unavailable if that is more ("Managed
        node update behavior" in the EKS user guide).
        """
        each = max(t.addresses(prefix_delegation=prefix_delegation) for t in self.types)
        groups = zones if self.zonal else 1
        size = self.max_size // groups
        unavailable = math.ceil(size * self.max_unavailable_percent / 100)
        return each * groups * (size + max(2 * zones // groups, unavailable))

    def zone_problems(self, zones: int) -> Iterator[Problem]:
        """Yield a problem where a group in each zone would have no equal share of the sizes."""
        sizes = (self.min_size, self.desired_size, self.max_size)
        if self.zonal and any(size % zones for size in sizes):
            right = f"of a zonal group each must be a multiple of {zones}, one share a zone"
            yield Problem("(min, desired, max) size", sizes, right)

    def problems(self) -> Iterator[Problem]:
        if not _NAME.fullmatch(self.name):
            yield Problem("name", self.name, "it must be 3 to 30 of a-z and 0-9, a letter first")
        yield from self._type_problems()
        if not 0 <= self.min_size <= self.desired_size <= self.max_size or self.max_size < 1:
            sizes = (self.min_size, self.desired_size, self.max_size)
            right = "it must hold 0 <= min <= desired <= max and max >= 1"
            yield Problem("(min, desired, max) size", sizes, right)
        if self.disk_gib < MINIMUM_DISK_GIB:
            right = f"the image needs at least {MINIMUM_DISK_GIB}"
            yield Problem("disk_gib", self.disk_gib, right)
        if not 1 <= self.max_unavailable_percent <= 100:
            yield Problem(
                "max_unavailable_percent", self.max_unavailable_percent, "it must be 1 to 100"
            )
        for key, value in self.labels.items():
            yield from _pair_problems("labels", key, value)
        for taint in self.taints:
            yield from taint.problems()

    def _type_problems(self) -> Iterator[Problem]:
        names = self.instance_types
        if not names or len(set(names)) != len(names):
            yield Problem("instance_types", names, "it must name at least one type, each once")
        if self.ami_type not in AMI_ARCHITECTURES:
            right = f"it must be one of {', '.join(AMI_ARCHITECTURES)}"
            yield Problem("ami_type", self.ami_type, right)
        wanted = AMI_ARCHITECTURES.get(self.ami_type)
        for name in names:
            known = INSTANCE_TYPES.get(name)
            if known is None:
                right = "add it to config/instance_types.py, or use one that is there"
                yield Problem("instance_types", name, right)
            elif wanted is not None and known.architecture != wanted:
                booted = f"ami_type {self.ami_type} boots {wanted}"
                right = f"{booted}; this type is {known.architecture}"
                yield Problem("instance_types", name, right)
        if self.capacity_type not in ("ON_DEMAND", "SPOT"):
            yield Problem("capacity_type", self.capacity_type, "it must be ON_DEMAND or SPOT")
        elif self.capacity_type == "SPOT" and len(names) == 1:
            right = "spot needs two or more: of one alone there may be none to be had"
            yield Problem("instance_types", names, right)


def _pair_problems(where: str, key: str, value: str) -> Iterator[Problem]:
    """Yield a problem unless Kubernetes and EKS take this key and value."""
    domain = key.rpartition("/")[0]
    if any(domain == name or domain.endswith(f".{name}") for name in _RESERVED):
        yield Problem(where, key, f"{domain}/ is for Kubernetes and EKS; take a name of your own")
    elif not _KEY.fullmatch(key):
        yield Problem(where, key, "it must be a label's name such as 'team' or 'example.com/team'")
    if not _VALUE.fullmatch(value):
        yield Problem(f"{where}[{key}]", value, "it must be at most 63 of A-Z a-z 0-9 - _ .")
