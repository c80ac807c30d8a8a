"""The table of environments: frozen, and checked when it is made, so that what passes deploys."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from config.access import Access
from config.backup import Backup
from config.cluster import Cluster
from config.database import Database
from config.errors import ConfigError, Problem, within
from config.fit import fit_problems
from config.identifiers import account_problems, region_problems
from config.images import Images
from config.log_agent import LogAgent
from config.network import Network
from config.observability import Observability
from config.platform import Platform
from config.types import check_types
from config.workloads import Web

_NAME = re.compile(r"[a-z][a-z0-9]{2,19}")
# What a tag's value may be in every service.
_TAG = re.compile(r"[\w .:/=+@-]{1,256}")

PROJECT = "mindforce"


@dataclass(frozen=True, kw_only=True)
class Account:
    """An AWS account and the region we use in it. Raises ConfigError when it can't exist."""

    name: str
    account: str
    region: str

    def __post_init__(self) -> None:
        owner = f"environment {self.name!r}"
        check_types(owner, self)
        if problems := list(self.problems()):
            raise ConfigError(owner, problems)

    def problems(self) -> Iterator[Problem]:
        if not _NAME.fullmatch(self.name):
            yield Problem("name", self.name, "it must be 3 to 20 of a-z and 0-9, a letter first")
        yield from account_problems("account", self.account)
        yield from region_problems("region", self.region)


@dataclass(frozen=True, kw_only=True)
class Environment(Account):
    """One environment in an account of its own. Raises ConfigError when it can't be deployed."""

    deletion_protection: bool
    """Whether the cluster and the stacks refuse to be deleted."""
    network: Network
    cluster: Cluster
    images: Images
    platform: Platform
    log_agent: LogAgent | None
    database: Database | None
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
            *within("images", self.images.problems()),
            *within("platform", self.platform.problems()),
            *within("log_agent", self.log_agent.problems() if self.log_agent else ()),
            *within("database", self.database.problems() if self.database else ()),
            *within("web", self.web.problems()),
            *within("backup", self.backup.problems()),
            *within("observability", self.observability.problems()),
            *within("access", self.access.problems(self.name)),
        ]
        yield from nested or (*self._log_problems(), *self._fit_problems())

    def _log_problems(self) -> Iterator[Problem]:
        days = self.platform.access_log_days
        # An NLB would log its TLS connections alone, which another service delivers.
        if self.web.load_balancer == "network" and days:
            right = "it must be 0 with web.load_balancer 'network': only an ALB writes access logs"
            yield Problem("platform.access_log_days", days, right)

    def _fit_problems(self) -> Iterator[Problem]:
        return fit_problems(
            self.network,
            self.cluster,
            self.platform,
            self.backup,
            self.log_agent,
            self.database,
            self.web,
        )


@dataclass(frozen=True, kw_only=True)
class Table:
    """All accounts. Raises ConfigError when two of them get in each other's way."""

    environments: tuple[Environment, ...]
    tooling: Account

    def __post_init__(self) -> None:
        check_types("environments", self)
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
