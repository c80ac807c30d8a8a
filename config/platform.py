"""What an environment's cluster runs before its workloads: controllers, and what they are given."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from config.capacity import Room
from config.errors import Problem, within

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"({_LABEL}\.)+[a-z]{{2,63}}")
_MAX_NAME = 64
"""The longest that a certificate's common name may be (RFC 5280), and ACM's first name is that."""
_HOSTED_ZONE = re.compile(r"Z[A-Z0-9]{1,31}")
MAX_LOG_DAYS = 3650
CONTROLLERS = Room(pods=2, cpu_millis=100, memory_mib=256)
"""What one of each asks for: the AWS Load Balancer Controller and the Cluster Autoscaler."""


@dataclass(frozen=True, kw_only=True)
class Domain:
    """The name that the web service is reached by, in a public hosted zone of the same account."""

    name: str
    hosted_zone_id: str
    """Of Route 53; the certificate is validated there, at its issue and at each renewal."""

    def problems(self) -> Iterator[Problem]:
        if not _NAME.fullmatch(self.name) or len(self.name) > _MAX_NAME:
            right = f"it must be a DNS name such as 'dev.example.com', at most {_MAX_NAME} long"
            yield Problem("name", self.name, right)
        if not _HOSTED_ZONE.fullmatch(self.hosted_zone_id):
            right = "it must be a Route 53 hosted zone id such as 'Z0123456789ABCDEFGHIJ'"
            yield Problem("hosted_zone_id", self.hosted_zone_id, right)


@dataclass(frozen=True, kw_only=True)
class Platform:
    """The controllers' size, the load balancers' logs, and the domain, where there is one."""

    controller_replicas: int
    """Of each controller; all but one wait to take over."""
    access_log_days: int
    """How long access logs are kept, which only an ALB writes; 0 means that none are written."""
    domain: Domain | None = None
    """Without one the load balancer is internal and serves plain HTTP inside the VPC."""

    @property
    def room(self) -> Room:
        return CONTROLLERS * self.controller_replicas

    def problems(self) -> Iterator[Problem]:
        if not 1 <= self.controller_replicas <= 3:
            yield Problem("controller_replicas", self.controller_replicas, "it must be 1 to 3")
        if not 0 <= self.access_log_days <= MAX_LOG_DAYS:
            right = f"it must be 0 (no logs) to {MAX_LOG_DAYS}"
            yield Problem("access_log_days", self.access_log_days, right)
        if self.domain is not None:
            yield from within("domain", self.domain.problems())
