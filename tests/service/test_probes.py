"""What the kubelet and the load balancer ask, answered by the service as it is."""

from collections.abc import Callable, Mapping

import httpx
import pytest
from cdk8s_plus_27 import k8s as kube

from delivery.process import Service
from k8s.web_exposure import HEALTH
from k8s.web_pod import web_pod

NOWHERE = "postgresql://app@127.0.0.1:1/app"


@pytest.fixture(scope="module")
def paths() -> Mapping[str, str]:
    """The path that each asks for."""
    pod = web_pod(
        selector=kube.LabelSelector(),
        image="registry.example/web:1",
        cpu="100m",
        memory="128Mi",
        database=None,
        database_pool_size=1,
    )
    (container,) = pod.containers
    return {
        "startup": _path(container.startup_probe),
        "liveness": _path(container.liveness_probe),
        "readiness": _path(container.readiness_probe),
        "load balancer": HEALTH,
    }


def _path(probe: kube.Probe | None) -> str:
    assert probe
    assert probe.http_get
    return str(probe.http_get.path)


def test_a_service_with_its_database_is_let_live_and_serve(
    client: httpx.Client, paths: Mapping[str, str]
) -> None:
    assert {name: client.get(path).status_code for name, path in paths.items()} == {
        "startup": 200,
        "liveness": 200,
        "readiness": 200,
        "load balancer": 200,
    }


def test_a_lost_database_takes_pods_from_the_load_balancer_and_restarts_none(
    start: Callable[..., Service], paths: Mapping[str, str]
) -> None:
    service = start(NOWHERE)
    assert {name: service.client.get(path).status_code for name, path in paths.items()} == {
        "startup": 200,
        "liveness": 200,
        "readiness": 503,
        "load balancer": 503,
    }
