"""A namespace whose pods are restricted and cut off until a chart opens what they need."""

from cdk8s import Chart
from cdk8s_plus_27 import k8s as kube
from constructs import Construct

from k8s.network import CLUSTER_DNS, dns_ports, network_policy


class NamespaceChart(Chart):
    """A namespace under Pod Security "restricted", with no traffic but name resolution."""

    def __init__(
        self, scope: Construct, id: str, *, name: str, behind_load_balancer: bool = False
    ) -> None:
        """With `behind_load_balancer`, a pod is ready only once its load balancer finds it so."""
        super().__init__(scope, id)
        labels = {
            f"pod-security.kubernetes.io/{mode}": "restricted"
            for mode in ("enforce", "audit", "warn")
        }
        if behind_load_balancer:
            labels["elbv2.k8s.aws/pod-readiness-gate-inject"] = "enabled"
        kube.KubeNamespace(
            self,
            "Namespace",
            metadata=kube.ObjectMeta(name=name, labels=labels),
        )
        network_policy(
            self,
            "DefaultDeny",
            namespace=name,
            name="default-deny",
            spec=kube.NetworkPolicySpec(
                pod_selector=kube.LabelSelector(), policy_types=["Ingress", "Egress"]
            ),
        )
        network_policy(
            self,
            "AllowDns",
            namespace=name,
            name="allow-dns",
            spec=kube.NetworkPolicySpec(
                pod_selector=kube.LabelSelector(),
                policy_types=["Egress"],
                egress=[kube.NetworkPolicyEgressRule(to=[CLUSTER_DNS], ports=dns_ports())],
            ),
        )
