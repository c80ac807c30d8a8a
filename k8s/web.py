"""The web service."""

from collections.abc import Mapping, Sequence

from cdk8s import Chart
from cdk8s_plus_27 import k8s as kube
from constructs import Construct

from config.quantities import (
    image_problems,
    least_problems,
    quantity_problems,
    replica_problems,
    rollout_problems,
    target_problems,
)
from config.workloads import LoadBalancer, load_balancer_problems
from k8s.checks import require
from k8s.database_client import DatabaseClient
from k8s.network import network_policy, port
from k8s.secret_store import ROLE_ANNOTATION
from k8s.web_exposure import (
    Exposure,
    application_load_balancer,
    exposure_problems,
    network_load_balancer,
)
from k8s.web_pod import LABELS, NAME, PORT, web_pod

CALM_SECONDS = 300
"""How long the load has to stay low before pods go, one a minute."""


class WebChart(Chart):
    """The service on port 7777: never fewer than its pods while they are replaced or moved."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        namespace: str,
        image: str,
        min_replicas: int,
        max_replicas: int,
        target_cpu_percent: int,
        target_memory_percent: int,
        cpu: str,
        memory: str,
        progress_deadline_seconds: int,
        load_balancer_subnets: Mapping[str, str],
        load_balancer: LoadBalancer = "application",
        host: str | None = None,
        certificate_arn: str | None = None,
        database: DatabaseClient | None = None,
        database_pool_size: int = 1,
    ) -> None:
        """`load_balancer_subnets` maps each subnet's id to its CIDR.

        With a certificate of `host`, everybody may reach the service, by TLS only.
        Raises ConfigError for what no server would run as it is meant: replicas that the disruption
        budget would let nobody drain, an image without tag or digest, a size or time that is none,
        a policy without addresses, a certificate without its name.
        """
        super().__init__(scope, id)
        require(
            f"{namespace}/{NAME}",
            image_problems(image),
            quantity_problems(cpu, memory),
            replica_problems(min_replicas, max_replicas),
            target_problems(target_cpu_percent, target_memory_percent),
            rollout_problems(progress_deadline_seconds, "progress_deadline_seconds"),
            load_balancer_problems(load_balancer),
            exposure_problems(load_balancer_subnets, host, certificate_arn),
            least_problems(1, database_pool_size=database_pool_size),
        )
        self._metadata = kube.ObjectMeta(name=NAME, namespace=namespace, labels=dict(LABELS))
        self._selector = kube.LabelSelector(match_labels=dict(LABELS))
        kube.KubeServiceAccount(
            self,
            "ServiceAccount",
            metadata=kube.ObjectMeta(
                name=NAME,
                namespace=namespace,
                labels=dict(LABELS),
                annotations={ROLE_ANNOTATION: database.role_arn} if database else None,
            ),
            automount_service_account_token=False,
        )
        kube.KubeDeployment(
            self,
            "Deployment",
            metadata=self._metadata,
            # No replicas: the autoscaler owns them, and an update would take them back.
            spec=kube.DeploymentSpec(
                selector=self._selector,
                progress_deadline_seconds=progress_deadline_seconds,
                revision_history_limit=3,
                strategy=kube.DeploymentStrategy(
                    type="RollingUpdate",
                    rolling_update=kube.RollingUpdateDeployment(
                        max_surge=kube.IntOrString.from_number(1),
                        max_unavailable=kube.IntOrString.from_number(0),
                    ),
                ),
                template=kube.PodTemplateSpec(
                    metadata=kube.ObjectMeta(labels=dict(LABELS)),
                    spec=web_pod(
                        selector=self._selector,
                        image=image,
                        cpu=cpu,
                        memory=memory,
                        database=database,
                        database_pool_size=database_pool_size,
                    ),
                ),
            ),
        )
        self._disruption_budget()
        self._autoscaler(
            min_replicas,
            max_replicas,
            {"cpu": target_cpu_percent, "memory": target_memory_percent},
        )
        self._service()
        exposure = Exposure(
            namespace=namespace,
            # As they are given: ids not known yet sort by how many were asked for before them.
            subnets=list(load_balancer_subnets),
            host=host,
            certificate_arn=certificate_arn,
        )
        if load_balancer == "application":
            application_load_balancer(self, exposure, PORT)
        else:
            network_load_balancer(self, exposure)
        self._allow_load_balancer(sorted(load_balancer_subnets.values()))

    def _disruption_budget(self) -> None:
        kube.KubePodDisruptionBudget(
            self,
            "DisruptionBudget",
            metadata=self._metadata,
            spec=kube.PodDisruptionBudgetSpec(
                selector=self._selector,
                max_unavailable=kube.IntOrString.from_number(1),
                # A pod that never got ready must not hold up the drain of its node.
                unhealthy_pod_eviction_policy="AlwaysAllow",
            ),
        )

    def _autoscaler(self, minimum: int, maximum: int, percents: Mapping[str, int]) -> None:
        """Keep the pods' use of each resource at a percentage of their request."""
        kube.KubeHorizontalPodAutoscalerV2(
            self,
            "Autoscaler",
            metadata=self._metadata,
            spec=kube.HorizontalPodAutoscalerSpecV2(
                scale_target_ref=kube.CrossVersionObjectReferenceV2(
                    api_version="apps/v1", kind="Deployment", name=NAME
                ),
                min_replicas=minimum,
                max_replicas=maximum,
                metrics=[_utilization(name, percent) for name, percent in percents.items()],
                # Up as fast as Kubernetes goes by itself; down calmly, or a lull ends in a rush.
                behavior=kube.HorizontalPodAutoscalerBehaviorV2(
                    scale_down=kube.HpaScalingRulesV2(
                        stabilization_window_seconds=CALM_SECONDS,
                        policies=[kube.HpaScalingPolicyV2(type="Pods", value=1, period_seconds=60)],
                    )
                ),
            ),
        )

    def _service(self) -> None:
        kube.KubeService(
            self,
            "Service",
            metadata=self._metadata,
            spec=kube.ServiceSpec(
                selector=dict(LABELS),
                # EKS network policies match a Service's traffic only if the two ports are equal.
                ports=[
                    kube.ServicePort(
                        name="http", port=PORT, target_port=kube.IntOrString.from_number(PORT)
                    )
                ],
            ),
        )

    def _allow_load_balancer(self, cidrs: Sequence[str]) -> None:
        peers = [kube.NetworkPolicyPeer(ip_block=kube.IpBlock(cidr=cidr)) for cidr in cidrs]
        network_policy(
            self,
            "AllowLoadBalancer",
            namespace=str(self._metadata.namespace),
            name=f"{NAME}-from-load-balancer",
            spec=kube.NetworkPolicySpec(
                pod_selector=self._selector,
                policy_types=["Ingress"],
                ingress=[kube.NetworkPolicyIngressRule(from_=peers, ports=[port(PORT)])],
            ),
        )


def _utilization(resource: str, percent: int) -> kube.MetricSpecV2:
    return kube.MetricSpecV2(
        type="Resource",
        resource=kube.ResourceMetricSourceV2(
            name=resource,
            target=kube.MetricTargetV2(type="Utilization", average_utilization=percent),
        ),
    )
