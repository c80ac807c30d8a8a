"""A managed node group as EKS describes it, and the node objects that look like its instances."""

from __future__ import annotations

import hashlib
import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from config.instance_types import INSTANCE_TYPES, VM_OVERHEAD, InstanceType
from local.kubernetes.client import Object
from local.kubernetes.errors import ControlPlaneError

GROUP_LABEL = "eks.amazonaws.com/nodegroup"
TEMPLATE_ANNOTATION = "local.mindforce.dev/template"
SUBNET_ANNOTATION = "local.mindforce.dev/subnet"
OWN_KEYS_ANNOTATION = "local.mindforce.dev/group-labels"


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
    instance_types: Sequence[str]
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
        for name in self.instance_types:
            if name not in INSTANCE_TYPES:
                raise ControlPlaneError(
                    f"Node group {self.name}: instance type {name} isn't in "
                    f"config/instance_types.py, which has {', '.join(INSTANCE_TYPES)}."
                )
        if not self.subnets:
            raise ControlPlaneError(f"Node group {self.name} has no subnets; give one or more.")

    @property
    def max_pods(self) -> int:
        """What EKS tells every node of the group, whatever its type: the smallest type's limit."""
        types = [INSTANCE_TYPES[name] for name in self.instance_types]
        return min(t.max_pods(prefix_delegation=self.prefix_delegation) for t in types)

    @property
    def template(self) -> str:
        """A hash of what a running instance can't change: other nodes are needed when it differs.

        Labels and taints aren't in it, nor the size.
        """
        parts = (
            tuple(self.instance_types),
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

    Formulas of amazon-eks-ami's nodeadm, those of CPU and memory in config/instance_types.py; of
    the disk a tenth and 1 Gi are kept back.
    """
    room = instance.allocatable(prefix_delegation=False)
    disk = disk_gib * 2**20
    capacity = {
        "cpu": str(instance.vcpu),
        "memory": f"{int(instance.memory_mib * (1 - VM_OVERHEAD)) * 1024}Ki",
        "ephemeral-storage": f"{disk}Ki",
        "pods": str(max_pods),
    }
    usable = {
        "cpu": f"{room.cpu_millis}m",
        "memory": f"{room.memory_mib * 1024}Ki",
        "ephemeral-storage": str(disk * 1024 * 9 // 10 - 2**30),
        "pods": str(max_pods),
    }
    return capacity, usable


def manifest(group: NodeGroup, subnet: Subnet, address: str, number: int = 0) -> Object:
    """Return the Node that an instance of the group registers from an address of the subnet.

    The group's types take turns by `number`, where Auto Scaling would choose by price and supply.
    """
    # us-east-1 alone has the short domain, as its VPCs' DHCP options say.
    domain = "ec2.internal" if group.region == "us-east-1" else f"{group.region}.compute.internal"
    name = f"ip-{address.replace('.', '-')}.{domain}"
    instance_id = f"i-0{hashlib.sha256(f'{subnet.id}/{address}'.encode()).hexdigest()[:16]}"
    instance = INSTANCE_TYPES[group.instance_types[number % len(group.instance_types)]]
    capacity, usable = allocatable(instance, max_pods=group.max_pods, disk_gib=group.disk_gib)
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
