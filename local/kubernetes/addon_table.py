"""What each EKS add-on runs in kube-system: real names, labels, requests and tolerations.

Sources: the charts of aws/eks-pod-identity-agent, aws/eks-node-monitoring-agent and
kubernetes-sigs/aws-ebs-csi-driver. The other figures are those commonly seen on EKS clusters and
were not checked against one (docs/first-real-deploy.md). Versions aren't simulated: images have
no tag.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Object = dict[str, Any]

EVERYWHERE: Sequence[Object] = ({"operator": "Exists"},)
CRITICAL: Sequence[Object] = ({"key": "CriticalAddonsOnly", "operator": "Exists"},)
CONTROL_PLANE: Object = {
    "key": "node-role.kubernetes.io/control-plane",
    "effect": "NoSchedule",
    "operator": "Exists",
}
FIVE_MINUTES: Object = {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}


@dataclass(frozen=True)
class Container:
    """A container with its requests; empty where the real one has none."""

    name: str
    cpu: str = ""
    memory: str = ""
    memory_limit: str = ""
    flags: Mapping[str, str] = field(default_factory=dict)
    """Options of the add-on that are arguments of this container."""


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A DaemonSet or Deployment.

    `section` is where its options stand in the add-on's configurationValues, "" for the top.
    """

    kind: Literal["DaemonSet", "Deployment"]
    name: str
    labels: Mapping[str, str]
    containers: Sequence[Container]
    init: Sequence[Container] = ()
    priority: str = "system-node-critical"
    host_network: bool = False
    tolerations: Sequence[Object] = EVERYWHERE
    replicas: int = 2
    service_account: str = ""
    budget: bool = False
    section: str = ""


@dataclass(frozen=True, kw_only=True)
class Addon:
    """An add-on: its workloads, the resource kinds it defines ("plural.group" → kind) and more."""

    workloads: Sequence[Workload]
    cluster_kinds: Mapping[str, str] = field(default_factory=dict)
    namespaced_kinds: Mapping[str, str] = field(default_factory=dict)
    schemas: Mapping[str, Object] = field(default_factory=dict)
    """Kind → its fields as OpenAPI v3; those of other kinds are stored as they come."""
    csi_driver: str = ""


_SMALL = ("10m", "40Mi", "256Mi")

ADDONS: Mapping[str, Addon] = {
    "vpc-cni": Addon(
        workloads=[
            Workload(
                kind="DaemonSet",
                name="aws-node",
                labels={"k8s-app": "aws-node", "app.kubernetes.io/name": "aws-node"},
                init=[Container("aws-vpc-cni-init", cpu="25m")],
                containers=[
                    Container("aws-node", cpu="25m"),
                    Container("aws-eks-nodeagent", cpu="25m"),
                ],
                host_network=True,
            )
        ],
        cluster_kinds={"eniconfigs.crd.k8s.amazonaws.com": "ENIConfig"},
        namespaced_kinds={"policyendpoints.networking.k8s.aws": "PolicyEndpoint"},
    ),
    "kube-proxy": Addon(
        workloads=[
            Workload(
                kind="DaemonSet",
                name="kube-proxy",
                labels={"k8s-app": "kube-proxy"},
                containers=[Container("kube-proxy", cpu="100m")],
                host_network=True,
            )
        ]
    ),
    "coredns": Addon(
        workloads=[
            Workload(
                kind="Deployment",
                name="coredns",
                labels={"k8s-app": "kube-dns", "eks.amazonaws.com/component": "coredns"},
                containers=[Container("coredns", "100m", "70Mi", "170Mi")],
                priority="system-cluster-critical",
                tolerations=(CONTROL_PLANE, *CRITICAL),
                budget=True,
            )
        ]
    ),
    "eks-pod-identity-agent": Addon(
        workloads=[
            Workload(
                kind="DaemonSet",
                name="eks-pod-identity-agent",
                labels={"app.kubernetes.io/name": "eks-pod-identity-agent"},
                init=[Container("eks-pod-identity-agent-init")],
                containers=[Container("eks-pod-identity-agent")],
                host_network=True,
                service_account="default",
            )
        ]
    ),
    "aws-ebs-csi-driver": Addon(
        workloads=[
            Workload(
                kind="Deployment",
                name="ebs-csi-controller",
                labels={
                    "app": "ebs-csi-controller",
                    "app.kubernetes.io/name": "aws-ebs-csi-driver",
                },
                containers=[
                    Container("ebs-plugin", *_SMALL, flags={"extraVolumeTags": "--extra-tags"}),
                    *(
                        Container(name, *_SMALL)
                        for name in (
                            "csi-provisioner",
                            "csi-attacher",
                            "csi-snapshotter",
                            "csi-resizer",
                            "liveness-probe",
                        )
                    ),
                ],
                priority="system-cluster-critical",
                tolerations=(*CRITICAL, FIVE_MINUTES),
                service_account="ebs-csi-controller-sa",
                budget=True,
                section="controller",
            ),
            Workload(
                kind="DaemonSet",
                name="ebs-csi-node",
                labels={"app": "ebs-csi-node", "app.kubernetes.io/name": "aws-ebs-csi-driver"},
                containers=[
                    Container(name, *_SMALL)
                    for name in ("ebs-plugin", "node-driver-registrar", "liveness-probe")
                ],
                service_account="ebs-csi-node-sa",
                section="node",
            ),
        ],
        csi_driver="ebs.csi.aws.com",
    ),
    "metrics-server": Addon(
        workloads=[
            Workload(
                kind="Deployment",
                name="metrics-server",
                labels={"app.kubernetes.io/name": "metrics-server"},
                containers=[Container("metrics-server", "100m", "200Mi", "400Mi")],
                priority="system-cluster-critical",
                tolerations=CRITICAL,
                budget=True,
            )
        ]
    ),
    "snapshot-controller": Addon(
        workloads=[
            Workload(
                kind="Deployment",
                name="snapshot-controller",
                labels={"app.kubernetes.io/name": "snapshot-controller"},
                containers=[Container("snapshot-controller")],
                priority="system-cluster-critical",
                tolerations=(CONTROL_PLANE, *CRITICAL),
                budget=True,
            )
        ],
        cluster_kinds={
            "volumesnapshotclasses.snapshot.storage.k8s.io": "VolumeSnapshotClass",
            "volumesnapshotcontents.snapshot.storage.k8s.io": "VolumeSnapshotContent",
        },
        namespaced_kinds={"volumesnapshots.snapshot.storage.k8s.io": "VolumeSnapshot"},
        schemas={
            "VolumeSnapshotClass": {
                "type": "object",
                "required": ["deletionPolicy", "driver"],
                "properties": {
                    "apiVersion": {"type": "string"},
                    "kind": {"type": "string"},
                    "metadata": {"type": "object"},
                    "driver": {"type": "string"},
                    "deletionPolicy": {"type": "string", "enum": ["Delete", "Retain"]},
                    "parameters": {
                        "type": "object",
                        "additionalProperties": {"type": "string"},
                    },
                },
            }
        },
    ),
    "eks-node-monitoring-agent": Addon(
        workloads=[
            Workload(
                kind="DaemonSet",
                name="eks-node-monitoring-agent",
                labels={"app.kubernetes.io/name": "eks-node-monitoring-agent"},
                containers=[Container("eks-node-monitoring-agent", "10m", "30Mi", "200Mi")],
                host_network=True,
                section="nodeAgent",
            )
        ],
        cluster_kinds={"nodediagnostics.eks.amazonaws.com": "NodeDiagnostic"},
    ),
    "aws-secrets-store-csi-driver-provider": Addon(
        workloads=[
            Workload(
                kind="DaemonSet",
                name="secrets-store-csi-driver",
                labels={"app": "secrets-store-csi-driver"},
                containers=[
                    Container("node-driver-registrar", "10m", "20Mi", "100Mi"),
                    Container(
                        "secrets-store",
                        "50m",
                        "100Mi",
                        "200Mi",
                        flags={
                            "enableSecretRotation": "--enable-secret-rotation",
                            "rotationPollInterval": "--rotation-poll-interval",
                        },
                    ),
                    Container("liveness-probe", "10m", "20Mi", "100Mi"),
                ],
                priority="",
                section="secrets-store-csi-driver",
            ),
            Workload(
                kind="DaemonSet",
                name="secrets-store-csi-driver-provider-aws",
                labels={"app": "secrets-store-csi-driver-provider-aws"},
                containers=[Container("provider-aws-installer", "50m", "100Mi", "100Mi")],
                priority="",
                tolerations=(),
            ),
        ],
        namespaced_kinds={
            "secretproviderclasses.secrets-store.csi.x-k8s.io": "SecretProviderClass",
            "secretproviderclasspodstatuses.secrets-store.csi.x-k8s.io": (
                "SecretProviderClassPodStatus"
            ),
        },
        csi_driver="secrets-store.csi.k8s.io",
    ),
}
