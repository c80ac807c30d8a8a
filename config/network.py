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

    @property
    def network(self) -> ipaddress.IPv4Network:
        return ipaddress.IPv4Network(self.cidr)

    @property
    def private_mask(self) -> int:
        """Prefix length of a private subnet: a quarter of the VPC each, of up to three zones."""
        return self.network.prefixlen + 2

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
