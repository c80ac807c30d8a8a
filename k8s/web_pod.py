"""A pod of the web service."""

from collections.abc import Mapping

from cdk8s_plus_27 import k8s as kube

from k8s.database_client import PROVIDER, DatabaseClient
from k8s.pods import resources, restricted_container, restricted_pod
from k8s.priority import WEB
from k8s.secret_store import secret_mount, secret_volume

NAME = "web"
PORT = 7777
METRICS_PORT = 9464
"""For a Prometheus, once a network policy lets one in."""
LABELS: Mapping[str, str] = {"app.kubernetes.io/name": NAME}
"""Selectors can't be changed, so they are written here and not derived."""
USER = 65532
"""Of the image."""

DEREGISTRATION_SECONDS = 20
"""How long the load balancer goes on sending requests to a pod that is going away."""
DRAIN_SECONDS = 30
"""How long a request may take after that."""


def web_pod(
    *,
    selector: kube.LabelSelector,
    image: str,
    cpu: str,
    memory: str,
    database: DatabaseClient | None,
    database_pool_size: int,
) -> kube.PodSpec:
    """Return the pod, which outlives its deregistration and the requests that came before it."""
    return kube.PodSpec(
        service_account_name=NAME,
        automount_service_account_token=False,
        enable_service_links=False,
        priority_class_name=WEB,
        termination_grace_period_seconds=DEREGISTRATION_SECONDS + DRAIN_SECONDS + 10,
        security_context=restricted_pod(USER),
        topology_spread_constraints=[
            kube.TopologySpreadConstraint(
                max_skew=1,
                topology_key=key,
                # A zone that is out of room must not stop a roll-out.
                when_unsatisfiable="ScheduleAnyway",
                label_selector=selector,
            )
            for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
        ],
        containers=[
            kube.Container(
                name=NAME,
                image=image,
                image_pull_policy="IfNotPresent",
                env=[
                    # As the grace period and the load balancer count on.
                    kube.EnvVar(name="DEREGISTRATION_SECONDS", value=str(DEREGISTRATION_SECONDS)),
                    kube.EnvVar(name="DRAIN_SECONDS", value=str(DRAIN_SECONDS)),
                    *(database.environment(database_pool_size) if database else []),
                ],
                ports=[
                    kube.ContainerPort(name="http", container_port=PORT),
                    kube.ContainerPort(name="metrics", container_port=METRICS_PORT),
                ],
                volume_mounts=[secret_mount()] if database else None,
                resources=resources(cpu, memory),
                security_context=restricted_container(),
                startup_probe=_probe("/healthz", period=1, failures=60),
                readiness_probe=_probe("/readyz", period=5, failures=2),
                liveness_probe=_probe("/healthz", period=10, failures=3),
            )
        ],
        volumes=[secret_volume(PROVIDER)] if database else None,
    )


def _probe(path: str, *, period: int, failures: int) -> kube.Probe:
    return kube.Probe(
        http_get=kube.HttpGetAction(path=path, port=kube.IntOrString.from_string("http")),
        period_seconds=period,
        timeout_seconds=2,
        failure_threshold=failures,
    )
