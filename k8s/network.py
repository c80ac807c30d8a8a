"""The flows that network policies name."""

from collections.abc import Mapping

from cdk8s_plus_27 import k8s as kube
from constructs import Construct

CLUSTER_DNS = kube.NetworkPolicyPeer(
    namespace_selector=kube.LabelSelector(
        match_labels={"kubernetes.io/metadata.name": "kube-system"}
    ),
    pod_selector=kube.LabelSelector(match_labels={"k8s-app": "kube-dns"}),
)

POD_IDENTITY = "169.254.170.23/32"
"""Where the EKS Pod Identity agent gives credentials to the pods of its node, on port 80."""


def port(number: int, protocol: str = "TCP") -> kube.NetworkPolicyPort:
    return kube.NetworkPolicyPort(port=kube.IntOrString.from_number(number), protocol=protocol)


def dns_ports() -> list[kube.NetworkPolicyPort]:
    """Answers that don't fit a datagram come over TCP."""
    return [port(53, "UDP"), port(53, "TCP")]


def pods(namespace: str, labels: Mapping[str, str]) -> kube.NetworkPolicyPeer:
    """Return the pods of a namespace that have these labels."""
    return kube.NetworkPolicyPeer(
        namespace_selector=kube.LabelSelector(
            match_labels={"kubernetes.io/metadata.name": namespace}
        ),
        pod_selector=kube.LabelSelector(match_labels=dict(labels)),
    )


def aws_egress() -> list[kube.NetworkPolicyEgressRule]:
    """Return the ways to AWS's services and to the API server, and to the credentials for AWS.

    Policies know no names and services' addresses change, so 443 is open everywhere; the pods of
    namespaces with a default-deny don't take it.
    """
    return [
        kube.NetworkPolicyEgressRule(to=[_addresses("0.0.0.0/0")], ports=[port(443)]),
        kube.NetworkPolicyEgressRule(to=[_addresses(POD_IDENTITY)], ports=[port(80)]),
    ]


def _addresses(cidr: str) -> kube.NetworkPolicyPeer:
    return kube.NetworkPolicyPeer(ip_block=kube.IpBlock(cidr=cidr))


def network_policy(
    scope: Construct, id: str, *, namespace: str, name: str, spec: kube.NetworkPolicySpec
) -> kube.KubeNetworkPolicy:
    metadata = kube.ObjectMeta(name=name, namespace=namespace)
    return kube.KubeNetworkPolicy(scope, id, metadata=metadata, spec=spec)
