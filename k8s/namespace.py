"""A namespace whose pods are restricted and cut off until a chart opens what they need."""

from typing import Literal

from cdk8s import Chart
from cdk8s_plus_27 import k8s as kube
from constructs import Construct

from config.quantities import least_problems
from k8s.checks import require
from k8s.network import CLUSTER_DNS, dns_ports, network_policy

PodSecurity = Literal["restricted", "baseline", "privileged"]

_DEFAULT_REQUESTS = {"cpu": "50m", "memory": "64Mi"}
_DEFAULT_LIMITS = {"memory": "256Mi"}


class NamespaceChart(Chart):
    """A namespace that takes no more than its share, with no traffic but name resolution.

    Its pods are under Pod Security "restricted"; k8s/exceptions.py has the reason for any other.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        pods: int,
        cpu_millis: int,
        memory_mib: int,
        claims: int = 0,
        load_balancers: int = 0,
        pod_security: PodSecurity = "restricted",
        behind_load_balancer: bool = False,
    ) -> None:
        """Pods may request so much in all, claim so many volumes, and be behind so many Services
        that are load balancers.

        With `behind_load_balancer`, a pod is ready only once its load balancer finds it so. Those
        of the first deploy are made before there is one to ask: they take over from nobody.
        Raises ConfigError for a share that holds no pod.
        """
        super().__init__(scope, id)
        require(
            f"namespace {name}",
            least_problems(1, pods=pods, cpu_millis=cpu_millis, memory_mib=memory_mib),
            least_problems(0, claims=claims, load_balancers=load_balancers),
        )
        labels: dict[str, str] = {
            f"pod-security.kubernetes.io/{mode}": pod_security
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
        self._share(
            name,
            {
                "pods": str(pods),
                "requests.cpu": f"{cpu_millis}m",
                "requests.memory": f"{memory_mib}Mi",
                "persistentvolumeclaims": str(claims),
                "services.loadbalancers": str(load_balancers),
                "services.nodeports": "0",
            },
        )

    def _share(self, namespace: str, hard: dict[str, str]) -> None:
        kube.KubeResourceQuota(
            self,
            "Quota",
            metadata=kube.ObjectMeta(name="share", namespace=namespace),
            spec=kube.ResourceQuotaSpec(hard=_quantities(hard)),
        )
        kube.KubeLimitRange(
            self,
            "Defaults",
            metadata=kube.ObjectMeta(name="defaults", namespace=namespace),
            spec=kube.LimitRangeSpec(
                limits=[
                    # No CPU limit: it would throttle a pod while its node idles.
                    kube.LimitRangeItem(
                        type="Container",
                        default_request=_quantities(_DEFAULT_REQUESTS),
                        default=_quantities(_DEFAULT_LIMITS),
                    )
                ]
            ),
        )


def _quantities(values: dict[str, str]) -> dict[str, kube.Quantity]:
    return {name: kube.Quantity.from_string(value) for name, value in values.items()}
