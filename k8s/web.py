"""The web service."""

from collections.abc import Mapping, Sequence

from cdk8s import Chart
from cdk8s_plus_27 import k8s as kube
from constructs import Construct

from k8s.database_client import PROVIDER, DatabaseClient
from k8s.network import network_policy, port
from k8s.priority import WEB
from k8s.secret_store import ROLE_ANNOTATION, secret_mount, secret_volume

NAME = "web"
PORT = 7777
LABELS: Mapping[str, str] = {"app.kubernetes.io/name": NAME}
"""Selectors can't be changed, so they are written here and not derived."""

TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"
"""TLS 1.2 and 1.3 with forward secrecy."""
DEREGISTRATION_SECONDS = 20
"""How long the load balancer goes on sending requests to a pod that is going away."""
DRAIN_SECONDS = 30
"""How long a request may take after that."""
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
        host: str | None = None,
        certificate_arn: str | None = None,
        database: DatabaseClient | None = None,
        database_pool_size: int = 1,
    ) -> None:
        """`load_balancer_subnets` maps each subnet's id to its CIDR.

        With a certificate of `host`, everybody may reach the service, by HTTPS and that name only.
        Raises ValueError for replicas that the disruption budget would let nobody drain.
        """
        super().__init__(scope, id)
        if not 2 <= min_replicas <= max_replicas:
            raise ValueError(
                f"{namespace}/{NAME}: replicas are {min_replicas} to {max_replicas}; it must hold "
                "2 <= min <= max: of one pod alone none can be missing"
            )
        self._database, self._pool_size = database, database_pool_size
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
                    spec=self._pod(image, cpu, memory),
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
        self._ingress(sorted(load_balancer_subnets), host, certificate_arn)
        self._allow_load_balancer(sorted(load_balancer_subnets.values()))

    def _pod(self, image: str, cpu: str, memory: str) -> kube.PodSpec:
        database = self._database
        quantity = kube.Quantity.from_string
        return kube.PodSpec(
            service_account_name=NAME,
            automount_service_account_token=False,
            enable_service_links=False,
            priority_class_name=WEB,
            termination_grace_period_seconds=DEREGISTRATION_SECONDS + DRAIN_SECONDS + 10,
            security_context=kube.PodSecurityContext(
                run_as_non_root=True,
                run_as_user=65532,
                run_as_group=65532,
                seccomp_profile=kube.SeccompProfile(type="RuntimeDefault"),
            ),
            topology_spread_constraints=[
                kube.TopologySpreadConstraint(
                    max_skew=1,
                    topology_key=key,
                    # A zone that is out of room must not stop a roll-out.
                    when_unsatisfiable="ScheduleAnyway",
                    label_selector=self._selector,
                )
                for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
            ],
            containers=[
                kube.Container(
                    name=NAME,
                    image=image,
                    image_pull_policy="IfNotPresent",
                    env=database.environment(self._pool_size) if database else None,
                    ports=[kube.ContainerPort(name="http", container_port=PORT)],
                    volume_mounts=[secret_mount()] if database else None,
                    resources=kube.ResourceRequirements(
                        requests={"cpu": quantity(cpu), "memory": quantity(memory)},
                        # No CPU limit: it would throttle a pod while its node idles.
                        limits={"memory": quantity(memory)},
                    ),
                    security_context=kube.SecurityContext(
                        allow_privilege_escalation=False,
                        read_only_root_filesystem=True,
                        capabilities=kube.Capabilities(drop=["ALL"]),
                    ),
                    startup_probe=_probe("/healthz", period=1, failures=60),
                    readiness_probe=_probe("/readyz", period=5, failures=2),
                    liveness_probe=_probe("/healthz", period=10, failures=3),
                )
            ],
            volumes=[secret_volume(PROVIDER)] if database else None,
        )

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

    def _ingress(
        self, subnets: Sequence[str], host: str | None, certificate_arn: str | None
    ) -> None:
        backend = kube.IngressServiceBackend(name=NAME, port=kube.ServiceBackendPort(number=PORT))
        path = kube.HttpIngressPath(
            path="/", path_type="Prefix", backend=kube.IngressBackend(service=backend)
        )
        annotations = {
            **_listeners(certificate_arn),
            "subnets": ",".join(subnets),
            "target-type": "ip",
            "healthcheck-path": "/readyz",
            "target-group-attributes": (
                f"deregistration_delay.timeout_seconds={DEREGISTRATION_SECONDS}"
            ),
        }
        kube.KubeIngress(
            self,
            "Ingress",
            metadata=kube.ObjectMeta(
                name=NAME,
                namespace=self._metadata.namespace,
                labels=dict(LABELS),
                annotations={
                    f"alb.ingress.kubernetes.io/{name}": value
                    for name, value in annotations.items()
                },
            ),
            spec=kube.IngressSpec(
                ingress_class_name="alb",
                rules=[kube.IngressRule(host=host, http=kube.HttpIngressRuleValue(paths=[path]))],
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


def _listeners(certificate_arn: str | None) -> dict[str, str]:
    """The annotations that say who may connect, and how."""
    if certificate_arn is None:
        # Plain HTTP stays inside the VPC until there is a certificate.
        return {"scheme": "internal"}
    return {
        "scheme": "internet-facing",
        "listen-ports": '[{"HTTP": 80}, {"HTTPS": 443}]',
        "ssl-redirect": "443",
        "ssl-policy": TLS_POLICY,
        "certificate-arn": certificate_arn,
    }


def _utilization(resource: str, percent: int) -> kube.MetricSpecV2:
    return kube.MetricSpecV2(
        type="Resource",
        resource=kube.ResourceMetricSourceV2(
            name=resource,
            target=kube.MetricTargetV2(type="Utilization", average_utilization=percent),
        ),
    )


def _probe(path: str, *, period: int, failures: int) -> kube.Probe:
    return kube.Probe(
        http_get=kube.HttpGetAction(path=path, port=kube.IntOrString.from_string("http")),
        period_seconds=period,
        timeout_seconds=2,
        failure_threshold=failures,
    )
