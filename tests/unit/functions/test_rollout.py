"""How long the gate waits for a roll-out, and what it tells CloudFormation."""

import base64
import json
import ssl
import time
import urllib.error
import urllib.request
from email.message import Message
from typing import Any

import boto3
import pytest

from mindforce.functions.rollout import index, kubernetes_api
from mindforce.functions.rollout.workloads import pending
from tests.unit.functions.kubernetes import COMPLETE, INGRESS, Namespaces, deployment


class Api:
    """An API server that answers with each of these in turn, the last for good."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)

    def get(self, *_: str) -> Any:
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def pods(self, *_: Any) -> list[Any]:
        waiting = {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}
        status = {"containerStatuses": [{"name": "web", "state": waiting}]}
        return [{"metadata": {"name": "web-1"}, "status": status}]


WORKLOAD = {"kind": "Deployment", "namespace": "web", "name": "web", "minReplicas": "3"}
REFUSED = urllib.error.HTTPError("https://cluster", 401, "Unauthorized", Message(), None)


@pytest.mark.usefixtures("clock")
def test_waiting_ends_when_the_roll_out_is_complete() -> None:
    api: Any = Api(deployment(), REFUSED, urllib.error.URLError("down"), deployment(**COMPLETE))
    assert index.wait(api, WORKLOAD, deadline=100) == ""


@pytest.mark.usefixtures("clock")
def test_time_over_names_what_is_missing_and_why() -> None:
    api: Any = Api(deployment(updatedReplicas=1))
    said = index.wait(api, WORKLOAD, deadline=10)
    assert said == (
        "Deployment web/web didn't complete in time: 1 of 3 pods are of the new version; "
        "pod web-1: container web ErrImagePull no such image"
    )


@pytest.mark.usefixtures("clock")
def test_a_gate_without_access_says_so_long_before_its_time_is_over() -> None:
    api: Any = Api(REFUSED)
    said = index.wait(api, WORKLOAD, deadline=800)
    assert said.startswith(
        "Deployment web/web can't be read: the API server answers HTTP Error 401"
    )
    assert time.monotonic() < 100


@pytest.mark.usefixtures("clock")
def test_a_refusal_in_the_middle_is_not_the_end() -> None:
    progress = deployment(updatedReplicas=1)
    api: Any = Api(*[progress] * 40, REFUSED, deployment(**COMPLETE))
    assert index.wait(api, WORKLOAD, deadline=800) == ""


@pytest.mark.usefixtures("clock")
def test_an_api_server_that_is_not_trusted_is_not_waited_for() -> None:
    untrusted = urllib.error.URLError(ssl.SSLCertVerificationError("unknown authority"))
    said = index.wait(Api(untrusted), WORKLOAD, deadline=800)  # type: ignore[arg-type]
    assert "the API server isn't trusted" in said
    assert time.monotonic() < 10


def test_certificates_without_a_key_identifier_are_accepted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """EKS's own lack it, and Python 3.13 asks for it unless told otherwise."""

    class Eks:
        def describe_cluster(self, name: str) -> dict[str, Any]:
            authority = base64.b64encode(b"").decode()
            data = {"endpoint": f"https://{name}", "certificateAuthority": {"data": authority}}
            return {"cluster": data}

    context = ssl.create_default_context()
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    monkeypatch.setattr(ssl, "create_default_context", lambda cadata: context)
    monkeypatch.setattr(boto3, "client", lambda _: Eks())
    kubernetes_api.KubernetesApi("dev")
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT
    assert context.verify_mode == ssl.CERT_REQUIRED


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("kind", ["Ingress", "Service"])
def test_a_load_balancer_without_an_address_is_told_in_its_controllers_words(kind: str) -> None:
    class Server(Namespaces):
        def get(self, *_: str) -> Any:
            return {**INGRESS, "kind": kind, "status": {"loadBalancer": {}}}

    workload = {**WORKLOAD, "kind": kind, "minReplicas": "0"}
    said = index.wait(Server([]), workload, deadline=10)  # type: ignore[arg-type]
    assert said == (
        f"{kind} web/web didn't complete in time: it has no address; "
        "Failed deploy model due to AccessDenied"
    )
    addressed = {"loadBalancer": {"ingress": [{"hostname": "k8s-web.elb.amazonaws.com"}]}}
    assert pending({**INGRESS, "kind": kind, "status": addressed}) == ""


def event(kind: str) -> dict[str, Any]:
    return {
        "RequestType": kind,
        "ResourceType": "Custom::KubernetesRollout",
        "ResponseURL": "https://answer.example",
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "WebRollout",
        "ResourceProperties": {
            "ClusterName": "dev",
            "TimeoutSeconds": "60",
            "Workloads": [WORKLOAD],
        },
    }


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What CloudFormation is told."""
    told: list[dict[str, Any]] = []

    class Response:
        def __enter__(self) -> None: ...

        def __exit__(self, *_: object) -> None: ...

    def urlopen(request: Any, timeout: float) -> Response:
        assert timeout
        told.append(json.loads(request.data))
        return Response()

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    return told


def test_nothing_is_waited_for_on_delete(answers: list[dict[str, Any]]) -> None:
    index.handler(event("Delete"), None)
    assert answers[0]["Status"] == "SUCCESS"


def test_a_clean_up_waits_on_delete_only(
    answers: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "KubernetesApi", lambda _: Namespaces([INGRESS]))
    properties = {"ClusterName": "dev", "TimeoutSeconds": "0", "Namespaces": ["web"]}
    for kind in ("Create", "Update", "Delete"):
        asked = {**event(kind), "ResourceType": index.CLEANUP, "ResourceProperties": properties}
        index.handler(asked, None)
    assert [a["Status"] for a in answers] == ["SUCCESS", "SUCCESS", "FAILED"]
    assert "Ingress web/web" in answers[2]["Reason"]


def test_a_gate_that_breaks_still_answers(
    answers: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: str) -> None:
        raise KeyError("certificateAuthority")

    monkeypatch.setattr(index, "KubernetesApi", broken)
    index.handler(event("Create"), None)
    assert answers[0]["Status"] == "FAILED"
    assert "couldn't be watched: KeyError" in answers[0]["Reason"]


def test_a_replaced_manifest_keeps_the_resources_identity(
    answers: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "KubernetesApi", lambda _: Api(deployment(**COMPLETE)))
    index.handler(event("Create"), None)
    index.handler({**event("Update"), "PhysicalResourceId": "WebRollout"}, None)
    assert [a["PhysicalResourceId"] for a in answers] == ["WebRollout", "WebRollout"]
    assert [a["Status"] for a in answers] == ["SUCCESS", "SUCCESS"]
