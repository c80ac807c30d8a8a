"""A managed node group as EKS describes it, and the node objects that look like its instances."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from config.instance_types import INSTANCE_TYPES, InstanceType
from local.kubernetes.client import Object
from local.kubernetes.errors import ControlPlaneError

GROUP_LABEL = "eks.amazonaws.com/nodegroup"
TEMPLATE_ANNOTATION = "local.mindforce.dev/template"
SUBNET_ANNOTATION = "local.mindforce.dev/subnet"
OWN_KEYS_ANNOTATION = "local.mindforce.dev/group-labels"

VM_OVERHEAD = 0.075
"""Share of an instance's memory that its node never sees: Karpenter's vmMemoryOverheadPercent."""


@dataclass(frozen=True, kw_only=True)
class Subnet:
    """Where nodes get their addresses: zone is a zone's name such as eu-central-1a."""

    id: str
    zone: str
    cidr: str


@dataclass(frozen=True, kw_only=True)
class Taint:
    """A taint in Kubernetes' words: effect is NoSchedule, PreferNoSchedule or NoExecute."""

    key: str
    value: str = ""
    effect: str


@dataclass(frozen=True, kw_only=True)
class NodeGroup:
    """A managed node group as EKS describes it; disk_gib is its root volume."""

    name: str
    region: str
    instance_type: str
    subnets: Sequence[Subnet]
    desired_size: int
    version: str = "1.35"
    ami_type: str = "AL2023_x86_64_STANDARD"
    capacity_type: str = "ON_DEMAND"
    disk_gib: int = 20
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: Sequence[Taint] = ()
    prefix_delegation: bool = False

    def __post_init__(self) -> None:
        if self.instance_type not in INSTANCE_TYPES:
            raise ControlPlaneError(
                f"Node group {self.name}: instance type {self.instance_type} isn't in "
                f"config/instance_types.py, which has {', '.join(INSTANCE_TYPES)}."
            )
        if not self.subnets:
            raise ControlPlaneError(f"Node group {self.name} has no subnets; give one or more.")

    @property
    def instance(self) -> InstanceType:
        """The figures of the group's instance type."""
        return INSTANCE_TYPES[self.instance_type]

    @property
    def template(self) -> str:
        """A hash of what a running instance can't change: other nodes are needed when it differs.

        Labels and taints aren't in it, nor the size.
        """
        parts = (
            self.instance_type,
            self.version,
            self.ami_type,
            self.capacity_type,
            self.disk_gib,
            self.prefix_delegation,
            sorted(subnet.id for subnet in self.subnets),
        )
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def allocatable(instance: InstanceType, *, max_pods: int, disk_gib: int) -> tuple[Object, Object]:
    """Return capacity and allocatable of a node.

    Formulas of amazon-eks-ami's nodeadm: CPU reserved 6 % of the first core, 1 % of the second,
    0.5 % of the next two, 0.25 % of the rest; memory 255 Mi + 11 Mi a pod (by the type's own
    limit, even under prefix delegation) and 100 Mi before eviction; a tenth of the disk and 1 Gi.
    """
    shares = [0.06, 0.01, 0.005, 0.005, *[0.0025] * max(0, instance.vcpu - 4)]
    cpu_reserved = math.ceil(1000 * sum(shares[: instance.vcpu]))
    memory = int(instance.memory_mib * 1024 * (1 - VM_OVERHEAD))
    pods_of_type = instance.max_pods(prefix_delegation=False)
    memory_reserved = (255 + 11 * pods_of_type + 100) * 1024
    disk = disk_gib * 2**20
    capacity = {
        "cpu": str(instance.vcpu),
        "memory": f"{memory}Ki",
        "ephemeral-storage": f"{disk}Ki",
        "pods": str(max_pods),
    }
    usable = {
        "cpu": f"{1000 * instance.vcpu - cpu_reserved}m",
        "memory": f"{memory - memory_reserved}Ki",
        "ephemeral-storage": str(disk * 1024 * 9 // 10 - 2**30),
        "pods": str(max_pods),
    }
    return capacity, usable


def manifest(group: NodeGroup, subnet: Subnet, address: str) -> Object:
    """Return the Node that an instance of the group registers from an address of the subnet."""
    # us-east-1 alone has the short domain, as its VPCs' DHCP options say.
    domain = "ec2.internal" if group.region == "us-east-1" else f"{group.region}.compute.internal"
    name = f"ip-{address.replace('.', '-')}.{domain}"
    instance_id = f"i-0{hashlib.sha256(f'{subnet.id}/{address}'.encode()).hexdigest()[:16]}"
    instance = group.instance
    max_pods = instance.max_pods(prefix_delegation=group.prefix_delegation)
    capacity, usable = allocatable(instance, max_pods=max_pods, disk_gib=group.disk_gib)
    architecture = {"x86_64": "amd64", "arm64": "arm64"}[instance.architecture]
    image = hashlib.sha256(f"{group.ami_type}/{group.version}".encode()).hexdigest()[:17]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "beta.kubernetes.io/arch": architecture,
                "beta.kubernetes.io/instance-type": instance.name,
                "beta.kubernetes.io/os": "linux",
                "eks.amazonaws.com/capacityType": group.capacity_type,
                GROUP_LABEL: group.name,
                "eks.amazonaws.com/nodegroup-image": f"ami-{image}",
                "failure-domain.beta.kubernetes.io/region": group.region,
                "failure-domain.beta.kubernetes.io/zone": subnet.zone,
                "kubernetes.io/arch": architecture,
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "node.kubernetes.io/instance-type": instance.name,
                "topology.kubernetes.io/region": group.region,
                "topology.kubernetes.io/zone": subnet.zone,
                **group.labels,
            },
            "annotations": {
                "alpha.kubernetes.io/provided-node-ip": address,
                "kwok.x-k8s.io/node": "fake",
                SUBNET_ANNOTATION: subnet.id,
                OWN_KEYS_ANNOTATION: json.dumps(sorted(group.labels)),
                TEMPLATE_ANNOTATION: group.template,
            },
        },
        "spec": {
            "providerID": f"aws:///{subnet.zone}/{instance_id}",
            # EKS sets none. kwok takes pod addresses from it: the half nodes don't use.
            "podCIDR": str(halves(subnet)[1]),
            "taints": taints(group),
        },
        "status": {
            "capacity": capacity,
            "allocatable": usable,
            "addresses": [
                {"type": "InternalIP", "address": address},
                {"type": "InternalDNS", "address": name},
                {"type": "Hostname", "address": name},
                # Where the API server looks for the kubelet, of which there is none.
                {"type": "ExternalDNS", "address": "localhost"},
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 1}},
            "nodeInfo": {
                "architecture": architecture,
                "operatingSystem": "linux",
                "osImage": "simulated by kwok",
                "kernelVersion": "simulated",
                "containerRuntimeVersion": "kwok://0",
                "kubeletVersion": f"v{group.version}.0-eks-simulated",
                "kubeProxyVersion": "",
                "machineID": "",
                "systemUUID": "",
                "bootID": "",
            },
        },
    }


def taints(group: NodeGroup) -> list[Object]:
    """Return the group's taints as a Node holds them."""
    return [{"key": t.key, "value": t.value, "effect": t.effect} for t in group.taints]


def halves(subnet: Subnet) -> list[ipaddress.IPv4Network]:
    """Return the half of the subnet that nodes take addresses from, and the half of their pods."""
    return list(ipaddress.IPv4Network(subnet.cidr).subnets())
