"""The address space of an environment."""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from config.errors import Problem
from config.retention import retention_problems

SERVICE_CIDR = "172.20.0.0/16"
"""Where every cluster's Service addresses come from; no VPC may overlap it."""


PRIVATE = tuple(
    ipaddress.IPv4Network(cidr) for cidr in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
)
"""RFC 1918."""

INTERFACE_ENDPOINTS = (
    "autoscaling", "ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth", "elasticloadbalancing", "kms",
    "logs", "monitoring", "secretsmanager", "sts",
)  # fmt: skip
"""The AWS services that a platform's nodes, pods and functions call and that have an interface
endpoint in every region ("AWS services that integrate with AWS PrivateLink").

Alarms reach their topic from outside the VPC, and nothing in it calls Systems Manager."""

RESERVED_ADDRESSES = 5
"""Of each subnet AWS keeps the first four addresses and the last."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """A VPC: its addresses, its zones and its ways out."""

    cidr: str
    """IPv4, private, /16 to /18: pods get addresses of the VPC, so small networks run dry."""
    zones: tuple[str, ...]
    """Zone letters within the region, two or three."""
    nat_gateways: int
    """One for the VPC (cheap), or one a zone (a lost zone takes no other zone's way out along)."""
    flow_log_retention_days: int
    interface_endpoints: tuple[str, ...]
    """AWS services reached by addresses in the VPC instead of the NAT gateways, such as "sts".

    Each costs by the hour and zone; with them nodes start, pull and get credentials while the way
    out is lost.
    """

    @property
    def network(self) -> ipaddress.IPv4Network:
        return ipaddress.IPv4Network(self.cidr)

    @property
    def private_mask(self) -> int:
        """Prefix length of a private subnet: a quarter of the VPC each, of up to three zones."""
        return self.network.prefixlen + 2

    @property
    def private_addresses(self) -> int:
        """How many addresses a private subnet has for nodes and pods."""
        return int(2 ** (32 - self.private_mask)) - RESERVED_ADDRESSES

    def problems(self) -> Iterator[Problem]:
        try:
            network = self.network
        except ValueError:
            yield Problem("cidr", self.cidr, "it must be an IPv4 network such as '10.10.0.0/16'")
        else:
            private = any(network.subnet_of(range_) for range_ in PRIVATE)
            if not private or not 16 <= network.prefixlen <= 18:
                yield Problem("cidr", self.cidr, "it must be a private network of /16, /17 or /18")
            elif network.overlaps(ipaddress.IPv4Network(SERVICE_CIDR)):
                yield Problem("cidr", self.cidr, f"it must not overlap {SERVICE_CIDR} of Services")
        letters = all(len(z) == 1 and "a" <= z <= "z" for z in self.zones)
        if not letters or len(set(self.zones)) != len(self.zones) or len(self.zones) not in (2, 3):
            yield Problem("zones", self.zones, "it must be two or three different zone letters")
        elif self.nat_gateways not in (1, len(self.zones)):
            right = f"it must be 1, or {len(self.zones)} for one a zone"
            yield Problem("nat_gateways", self.nat_gateways, right)
        yield from retention_problems("flow_log_retention_days", self.flow_log_retention_days)
        yield from self._endpoint_problems()

    def _endpoint_problems(self) -> Iterator[Problem]:
        chosen = self.interface_endpoints
        for name in chosen:
            if name not in INTERFACE_ENDPOINTS:
                right = f"it must be one of {', '.join(INTERFACE_ENDPOINTS)}"
                yield Problem("interface_endpoints", name, right)
        if len(set(chosen)) != len(chosen):
            yield Problem("interface_endpoints", chosen, "it must name each service once")
        if ("ecr.api" in chosen) != ("ecr.dkr" in chosen):
            right = "a pull calls both ecr.api and ecr.dkr: name both, or neither"
            yield Problem("interface_endpoints", chosen, right)
