"""The EC2 instance types that node groups may use, with the figures that pod limits follow from.

Source of the figures: the EC2 instance type tables (network interfaces and IPv4 addresses per
interface) in the EC2 user guide, "IP addresses per network interface".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Architecture = Literal["x86_64", "arm64"]

ADDRESSES_PER_PREFIX = 16
"""A delegated prefix is a /28."""

MAX_PODS_BELOW_30_VCPU = 110
"""EKS caps a node with fewer than 30 vCPUs at 110 pods under prefix delegation."""


@dataclass(frozen=True, kw_only=True)
class InstanceType:
    """One EC2 instance type."""

    name: str
    architecture: Architecture
    vcpu: int
    memory_mib: int
    network_interfaces: int
    addresses_per_interface: int
    nitro: bool

    def max_pods(self, *, prefix_delegation: bool) -> int:
        """Return how many pods a node of this type holds under the Amazon VPC CNI.

        Formula of amazon-eks-ami's max-pods calculator: an interface's first address is the
        node's own, and two host-network pods need none. Types that aren't built on Nitro get no
        prefixes.
        """
        per_interface = self.addresses_per_interface - 1
        if prefix_delegation and self.nitro:
            addresses = self.network_interfaces * per_interface * ADDRESSES_PER_PREFIX
            return min(addresses + 2, MAX_PODS_BELOW_30_VCPU)
        return self.network_interfaces * per_interface + 2


def _table(*rows: tuple[str, Architecture, int, int, int, int, bool]) -> Mapping[str, InstanceType]:
    return {
        name: InstanceType(
            name=name,
            architecture=architecture,
            vcpu=vcpu,
            memory_mib=gib * 1024,
            network_interfaces=interfaces,
            addresses_per_interface=addresses,
            nitro=nitro,
        )
        for name, architecture, vcpu, gib, interfaces, addresses, nitro in rows
    }


# name, architecture, vCPU, GiB, interfaces, IPv4 addresses per interface, Nitro
INSTANCE_TYPES: Mapping[str, InstanceType] = _table(
    ("t2.small", "x86_64", 1, 2, 3, 4, False),
    ("t2.medium", "x86_64", 2, 4, 3, 6, False),
    ("t3.small", "x86_64", 2, 2, 3, 4, True),
    ("t3.medium", "x86_64", 2, 4, 3, 6, True),
    ("t3.large", "x86_64", 2, 8, 3, 12, True),
    ("t4g.small", "arm64", 2, 2, 3, 4, True),
    ("t4g.medium", "arm64", 2, 4, 3, 6, True),
    ("t4g.large", "arm64", 2, 8, 3, 12, True),
    ("m6i.large", "x86_64", 2, 8, 3, 10, True),
    ("m7g.large", "arm64", 2, 8, 3, 10, True),
)
