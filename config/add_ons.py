"""The EKS add-ons that every cluster has, with what their pods take of its nodes.

Source of the figures: the charts and manifests that local/kubernetes/addon_table.py names; a test
holds the two together.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from config.capacity import NOTHING, Room
from config.errors import Problem

_VERSION = re.compile(r"v\d+\.\d+\.\d+-eksbuild\.\d+")


@dataclass(frozen=True, kw_only=True)
class AddOn:
    """What an add-on takes of each node, and of the cluster as a whole."""

    each_node: Room = NOTHING
    """Its DaemonSets, which run on nodes with taints too."""
    cluster: Room = NOTHING
    """Its Deployments with all their replicas, which keep off nodes with taints."""


NETWORKING: Mapping[str, AddOn] = {
    "eks-pod-identity-agent": AddOn(each_node=Room(pods=1)),
    "vpc-cni": AddOn(each_node=Room(pods=1, cpu_millis=50)),
    "kube-proxy": AddOn(each_node=Room(pods=1, cpu_millis=100)),
}
"""What nodes need before they can be Ready, so these come first."""

SERVICES: Mapping[str, AddOn] = {
    "coredns": AddOn(cluster=Room(pods=2, cpu_millis=200, memory_mib=140)),
    "metrics-server": AddOn(cluster=Room(pods=2, cpu_millis=200, memory_mib=400)),
    "aws-ebs-csi-driver": AddOn(
        each_node=Room(pods=1, cpu_millis=30, memory_mib=120),
        cluster=Room(pods=2, cpu_millis=120, memory_mib=480),
    ),
    "snapshot-controller": AddOn(cluster=Room(pods=2)),
    "eks-node-monitoring-agent": AddOn(each_node=Room(pods=1, cpu_millis=10, memory_mib=30)),
    "aws-secrets-store-csi-driver-provider": AddOn(
        each_node=Room(pods=2, cpu_millis=120, memory_mib=240)
    ),
}
"""What needs nodes: EKS gives up on one of these whose pods find no place in 20 minutes."""

ADD_ONS: Mapping[str, AddOn] = {**NETWORKING, **SERVICES}


def version_problems(versions: Mapping[str, str], *, cluster: str) -> Iterator[Problem]:
    """Yield a problem for each version that EKS can't have for a cluster of that version."""
    for name, version in versions.items():
        field = f"add_on_versions[{name}]"
        if name not in ADD_ONS:
            yield Problem(field, version, f"the add-ons are {', '.join(ADD_ONS)}")
        elif not _VERSION.fullmatch(version):
            yield Problem(field, version, "it must be a version such as 'v1.21.1-eksbuild.3'")
        elif name == "kube-proxy" and not version.startswith(f"v{cluster}."):
            yield Problem(field, version, f"kube-proxy's must be the cluster's {cluster}")
