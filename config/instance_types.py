"""The EC2 instance types that node groups may use, with the figures that pod limits follow from.

Source of the figures: the EC2 instance type tables (network interfaces and IPv4 addresses per
interface) in the EC2 user guide, "IP addresses per network interface".
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from config.capacity import Room

Architecture = Literal["x86_64", "arm64"]

ADDRESSES_PER_PREFIX = 16
"""A delegated prefix is a /28."""

WARM_PREFIXES = 1
"""How many prefixes a node holds beyond those in use: WARM_PREFIX_TARGET of the VPC CNI."""

HOST_NETWORK_PODS = 2
"""The pods of a node that EKS counts as using the node's own address: aws-node and kube-proxy."""

MAX_PODS_BELOW_30_VCPU = 110
"""EKS caps a node with fewer than 30 vCPUs at 110 pods under prefix delegation."""

VM_OVERHEAD = 0.075
"""Share of an instance's memory that its node never sees: Karpenter's vmMemoryOverheadPercent."""


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
            return min(addresses + HOST_NETWORK_PODS, MAX_PODS_BELOW_30_VCPU)
        return self.network_interfaces * per_interface + HOST_NETWORK_PODS

    def allocatable(self, *, prefix_delegation: bool) -> Room:
        """Return what a node of this type gives to pods.

        Formulas of amazon-eks-ami's nodeadm: CPU reserved 6 % of the first core, 1 % of the
        second, 0.5 % of the next two, 0.25 % of the rest; memory 255 Mi + 11 Mi a pod (by the
        type's own limit, even under prefix delegation) and 100 Mi before eviction.
        """
        shares = [0.06, 0.01, 0.005, 0.005, *[0.0025] * max(0, self.vcpu - 4)]
        reserved = 255 + 11 * self.max_pods(prefix_delegation=False) + 100
        return Room(
            pods=self.max_pods(prefix_delegation=prefix_delegation),
            cpu_millis=1000 * self.vcpu - math.ceil(1000 * sum(shares[: self.vcpu])),
            memory_mib=int(self.memory_mib * (1 - VM_OVERHEAD)) - reserved,
        )

    def addresses(self, *, prefix_delegation: bool) -> int:
        """Return how many addresses of its subnet a node full of pods holds."""
        if not (prefix_delegation and self.nitro):
            return self.network_interfaces * self.addresses_per_interface
        pods = self.max_pods(prefix_delegation=True) - HOST_NETWORK_PODS
        prefixes = math.ceil(pods / ADDRESSES_PER_PREFIX) + WARM_PREFIXES
        interfaces = math.ceil(prefixes / (self.addresses_per_interface - 1))
        return interfaces + prefixes * ADDRESSES_PER_PREFIX


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
    ("t3a.medium", "x86_64", 2, 4, 3, 6, True),
    ("t3a.large", "x86_64", 2, 8, 3, 12, True),
    ("t4g.small", "arm64", 2, 2, 3, 4, True),
    ("t4g.medium", "arm64", 2, 4, 3, 6, True),
    ("t4g.large", "arm64", 2, 8, 3, 12, True),
    ("m5.large", "x86_64", 2, 8, 3, 10, True),
    ("m6i.large", "x86_64", 2, 8, 3, 10, True),
    ("m6g.large", "arm64", 2, 8, 3, 10, True),
    ("m7g.large", "arm64", 2, 8, 3, 10, True),
)
