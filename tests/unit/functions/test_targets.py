"""What the gate waits for behind a load balancer's address."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from mindforce.functions.rollout import index
from mindforce.functions.rollout.targets import unanswered

ADDRESS = {"loadBalancer": {"ingress": [{"hostname": "k8s-web.elb.amazonaws.com"}]}}
METADATA = {"name": "web", "namespace": "web"}
BACKEND = {"service": {"name": "web", "port": {"number": 80}}}
INGRESS = {
    "kind": "Ingress",
    "metadata": METADATA,
    "spec": {"rules": [{"http": {"paths": [{"path": "/", "backend": BACKEND}]}}]},
    "status": ADDRESS,
}
BY_DEFAULT = {**INGRESS, "spec": {"defaultBackend": BACKEND}}
SERVICE = {"kind": "Service", "metadata": METADATA, "spec": {}, "status": ADDRESS}
REGISTERING = {"State": "initial", "Description": "Target registration is in progress"}
HEALTHY = {"State": "healthy"}


def binding(service: str) -> dict[str, Any]:
    return {"spec": {"targetGroupARN": f"arn:{service}", "serviceRef": {"name": service}}}


class Api:
    def __init__(self, item: dict[str, Any], *bindings: dict[str, Any]) -> None:
        self._item = item
        self._bindings = list(bindings)

    def get(self, *_: str) -> dict[str, Any]:
        return self._item

    def list(self, kind: str, namespace: str, **_: str) -> list[dict[str, Any]]:
        if kind == "Event":
            return []
        assert (kind, namespace) == ("TargetGroupBinding", "web")
        return self._bindings


@pytest.fixture
def health(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is answered of the targets of web's group, one after another, the last for good."""
    answers: list[Any] = []

    class Balancing:
        def describe_target_health(self, TargetGroupArn: str) -> dict[str, Any]:
            assert TargetGroupArn == "arn:web"
            states = answers.pop(0) if len(answers) > 1 else answers[0]
            if isinstance(states, Exception):
                raise states
            return {"TargetHealthDescriptions": [{"TargetHealth": state} for state in states]}

    monkeypatch.setattr(boto3, "client", lambda _: Balancing())
    return answers


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("item", [INGRESS, BY_DEFAULT, SERVICE])
def test_an_address_is_complete_once_a_target_behind_it_is_healthy(
    health: list[Any], item: dict[str, Any]
) -> None:
    api: Any = Api(item, binding("another"), binding("web"))
    away = EndpointConnectionError(endpoint_url="https://elasticloadbalancing")
    health += [[], [REGISTERING] * 2, away, [REGISTERING, HEALTHY]]
    workload = {**METADATA, "kind": item["kind"], "minReplicas": "0"}
    assert index.wait(api, workload, deadline=100) == ""
    assert len(health) == 1


@pytest.mark.usefixtures("clock")
def test_time_over_tells_what_the_load_balancer_says(health: list[Any]) -> None:
    health += [[REGISTERING] * 3]
    workload = {**METADATA, "kind": "Ingress", "minReplicas": "0"}
    api: Any = Api(INGRESS, binding("web"))
    assert index.wait(api, workload, deadline=10) == (
        "Ingress web/web didn't complete in time: no target of its load balancer is healthy: "
        "Target registration is in progress"
    )


def test_a_load_balancer_without_targets_is_not_complete() -> None:
    api: Any = Api(INGRESS, binding("another"))
    assert unanswered(api, INGRESS) == "its load balancer has no targets"
