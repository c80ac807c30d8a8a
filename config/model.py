"""The table of environments: frozen, and checked when it is made, so that what passes deploys."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from config.access import Access
from config.cluster import Cluster
from config.errors import ConfigError, Problem, within
from config.instance_types import INSTANCE_TYPES
from config.network import Network
from config.observability import Observability
from config.workloads import Backup, Web

_NAME = re.compile(r"[a-z][a-z0-9]{2,19}")
_ACCOUNT = re.compile(r"\d{12}")
# What a tag's value may be in every service.
_TAG = re.compile(r"[\w .:/=+@-]{1,256}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")

PROJECT = "mindforce"

SYSTEM_PODS_PER_NODE = 4
"""aws-node, kube-proxy, the Pod Identity agent, and a place for one more agent."""
SYSTEM_CPU_MILLIS = 350
"""What a node's system and the add-ons' pods on it take of its CPU."""
SYSTEM_MEMORY_MIB = 1700
"""The same of its memory, of which EKS reserves 255 MiB and 11 MiB a pod place."""
SYSTEM_PODS = 4
"""CoreDNS and the metrics server, two of each."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """An AWS account and the region we use in it. Raises ConfigError when it can't exist."""

    name: str
    account: str
    region: str

    def __post_init__(self) -> None:
        if problems := list(self.problems()):
            raise ConfigError(f"environment {self.name!r}", problems)

    def problems(self) -> Iterator[Problem]:
        if not _NAME.fullmatch(self.name):
            yield Problem("name", self.name, "it must be 3 to 20 of a-z and 0-9, a letter first")
        if not _ACCOUNT.fullmatch(self.account):
            yield Problem("account", self.account, "it must be the 12 digits of an AWS account")
        if not _REGION.fullmatch(self.region):
            yield Problem("region", self.region, "it must be an AWS region such as 'eu-central-1'")


@dataclass(frozen=True, kw_only=True)
class Environment(Account):
    """One environment in an account of its own. Raises ConfigError when it can't be deployed."""

    deletion_protection: bool
    """Whether the cluster and the stacks refuse to be deleted."""
    network: Network
    cluster: Cluster
    web: Web
    backup: Backup
    observability: Observability
    owner: str
    """Who is asked about what is found in the account; a tag of everything."""
    access: Access

    @property
    def availability_zones(self) -> tuple[str, ...]:
        return tuple(f"{self.region}{letter}" for letter in self.network.zones)

    @property
    def tags(self) -> dict[str, str]:
        """What is told apart in a bill, and in a list of resources."""
        return {"environment": self.name, "owner": self.owner, "project": PROJECT}

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        if not _TAG.fullmatch(self.owner):
            yield Problem("owner", self.owner, "it must be 1 to 256 letters, digits, or _.:/=+-@")
        nested = [
            *within("network", self.network.problems()),
            *within("cluster", self.cluster.problems()),
            *within("web", self.web.problems()),
            *within("backup", self.backup.problems()),
            *within("observability", self.observability.problems()),
            *within("access", self.access.problems(self.name)),
        ]
        yield from nested or self._capacity_problems()

    def _capacity_problems(self) -> Iterator[Problem]:
        """Yield a problem where the nodes don't hold the pods: a roll-out would wait forever."""
        types = [
            INSTANCE_TYPES[name]
            for group in self.cluster.node_groups
            for name in group.instance_types
        ]
        if self.web.cpu_millis > max(t.vcpu * 1000 - SYSTEM_CPU_MILLIS for t in types):
            yield Problem("web.cpu", self.web.cpu, "no node of the cluster has as much to give")
        if self.web.memory_mib > max(t.memory_mib - SYSTEM_MEMORY_MIB for t in types):
            yield Problem(
                "web.memory", self.web.memory, "no node of the cluster has as much to give"
            )
        for size, replicas in (("desired", self.web.min_replicas), ("max", self.web.max_replicas)):
            places = sum(
                getattr(group, f"{size}_size")
                * (group.smallest(prefix_delegation=True) - SYSTEM_PODS_PER_NODE)
                for group in self.cluster.node_groups
            )
            needed = SYSTEM_PODS + replicas + 1
            if places < needed:
                right = f"add-ons and {replicas} web pods with one more in a roll-out need {needed}"
                yield Problem(f"cluster.node_groups: places at {size} size", places, right)


@dataclass(frozen=True, kw_only=True)
class Table:
    """All accounts. Raises ConfigError when two of them get in each other's way."""

    environments: tuple[Environment, ...]
    tooling: Account

    def __post_init__(self) -> None:
        if problems := list(self.problems()):
            raise ConfigError("environments", problems)

    def problems(self) -> Iterator[Problem]:
        for one, other in combinations((*self.environments, self.tooling), 2):
            for field in ("name", "account"):
                if getattr(one, field) == getattr(other, field):
                    right = f"{one.name!r} and {other.name!r} must each have their own"
                    yield Problem(field, getattr(other, field), right)
        for one, other in combinations(self.environments, 2):
            if one.network.network.overlaps(other.network.network):
                right = f"it must not overlap {one.network.cidr} of {one.name!r}"
                yield Problem(f"{other.name}.network.cidr", other.network.cidr, right)
