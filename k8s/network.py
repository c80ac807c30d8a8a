"""The flows that network policies name."""

from cdk8s_plus_27 import k8s as kube
from constructs import Construct

CLUSTER_DNS = kube.NetworkPolicyPeer(
    namespace_selector=kube.LabelSelector(
        match_labels={"kubernetes.io/metadata.name": "kube-system"}
    ),
    pod_selector=kube.LabelSelector(match_labels={"k8s-app": "kube-dns"}),
)


def port(number: int, protocol: str = "TCP") -> kube.NetworkPolicyPort:
    return kube.NetworkPolicyPort(port=kube.IntOrString.from_number(number), protocol=protocol)


def dns_ports() -> list[kube.NetworkPolicyPort]:
    """Answers that don't fit a datagram come over TCP."""
    return [port(53, "UDP"), port(53, "TCP")]


def network_policy(
    scope: Construct, id: str, *, namespace: str, name: str, spec: kube.NetworkPolicySpec
) -> kube.KubeNetworkPolicy:
    metadata = kube.ObjectMeta(name=name, namespace=namespace)
    return kube.KubeNetworkPolicy(scope, id, metadata=metadata, spec=spec)
