"""The gate's judgement of workloads, and what it tells CloudFormation."""

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

from mindforce.functions.rollout import cleanup, index, kubernetes_api
from mindforce.functions.rollout.workloads import RolloutFailed, pending, pod_trouble


def deployment(*, wanted: int = 3, **status: Any) -> dict[str, Any]:
    return {
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "web", "generation": 2},
        "spec": {"replicas": wanted, "selector": {"matchLabels": {"app": "web"}}},
        "status": {"observedGeneration": 2, **status},
    }


COMPLETE = {"replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}


def test_a_complete_deployment_has_nothing_pending() -> None:
    assert pending(deployment(**COMPLETE)) == ""


@pytest.mark.parametrize(
    ("status", "missing"),
    [
        ({"observedGeneration": 1, **COMPLETE}, "hasn't seen the change"),
        ({**COMPLETE, "updatedReplicas": 1}, "1 of 3 pods are of the new version"),
        ({**COMPLETE, "replicas": 4}, "1 old pods are still there"),
        ({**COMPLETE, "availableReplicas": 2}, "2 of 3 pods are available"),
    ],
)
def test_an_incomplete_deployment_says_what_is_missing(
    status: dict[str, Any], missing: str
) -> None:
    assert missing in pending(deployment(**status))


def test_a_deployment_has_to_reach_its_autoscalers_minimum() -> None:
    alone = deployment(wanted=1, replicas=1, updatedReplicas=1, availableReplicas=1)
    assert pending(alone, 3) == "1 of 3 pods are of the new version"


def test_a_deployment_past_its_deadline_is_lost() -> None:
    late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    with pytest.raises(RolloutFailed, match="timed out"):
        pending(deployment(conditions=[{**late, "message": "it timed out progressing"}]))


def test_a_stateful_set_is_complete_when_all_pods_are_of_one_revision() -> None:
    item = {
        "kind": "StatefulSet",
        "metadata": {"generation": 1},
        "spec": {"replicas": 2},
        "status": {
            "observedGeneration": 1,
            "currentRevision": "a",
            "updateRevision": "b",
            "updatedReplicas": 1,
            "readyReplicas": 2,
        },
    }
    assert "1 of 2 pods are of the new version" in pending(item)
    item["status"] = {**item["status"], "currentRevision": "b", "updatedReplicas": 2}  # type: ignore[dict-item]
    assert pending(item) == ""


def test_a_daemon_set_waits_for_every_node() -> None:
    status = {"observedGeneration": 1, "desiredNumberScheduled": 3, "updatedNumberScheduled": 3}
    item = {"kind": "DaemonSet", "metadata": {"generation": 1}, "spec": {}}
    assert "2 of 3" in pending({**item, "status": {**status, "numberAvailable": 2}})
    assert pending({**item, "status": {**status, "numberAvailable": 3}}) == ""


def test_a_job_completes_or_is_lost() -> None:
    item: dict[str, Any] = {"kind": "Job", "metadata": {}, "spec": {"completions": 1}}
    assert pending({**item, "status": {"active": 1}}) == "0 of 1 pods are complete"
    done = {"conditions": [{"type": "Complete", "status": "True"}]}
    assert pending({**item, "status": done}) == ""
    failed = {"type": "Failed", "status": "True", "message": "backoff limit reached"}
    with pytest.raises(RolloutFailed, match="backoff limit"):
        pending({**item, "status": {"conditions": [failed]}})


def test_a_pods_trouble_is_told_in_the_kubelets_words() -> None:
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling "x"'}}
    pod = {"status": {"containerStatuses": [{"name": "web", "state": waiting}]}}
    assert pod_trouble(pod) == 'container web ImagePullBackOff Back-off pulling "x"'
    starting = {"waiting": {"reason": "ContainerCreating"}}
    assert not pod_trouble({"status": {"containerStatuses": [{"name": "w", "state": starting}]}})
    ended = {"terminated": {"reason": "Error", "exitCode": 1}}
    pod = {"status": {"containerStatuses": [{"name": "migrations", "state": ended}]}}
    assert pod_trouble(pod) == "container migrations ended with exit code 1"
    done = {"terminated": {"reason": "Completed", "exitCode": 0}}
    assert not pod_trouble({"status": {"containerStatuses": [{"name": "w", "state": done}]}})
    unplaced = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    pod = {"status": {"conditions": [{**unplaced, "message": "0/2 nodes are available"}]}}
    assert pod_trouble(pod) == "Unschedulable: 0/2 nodes are available"


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


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time that passes only where somebody sleeps."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))


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


INGRESS = {
    "metadata": {
        "name": "web",
        "namespace": "web",
        "deletionTimestamp": "2026-01-01T00:00:00Z",
        "finalizers": ["ingress.k8s.aws/resources"],
    }
}
GONE = urllib.error.HTTPError("https://cluster", 403, "Forbidden", Message(), None)


class Namespaces:
    """An API server whose namespaces hold these Ingresses, each answer once, the last for good."""

    def __init__(self, *answers: Any, services: Any = ()) -> None:
        self._answers = list(answers)
        self._services = services

    def list(self, kind: str, _: str, **query: str) -> Any:
        if kind == "Event":
            assert "involvedObject.name=web" in query["fieldSelector"]
            return [{"message": "Failed deploy model due to AccessDenied"}]
        if kind != "Ingress":
            return list(self._services) if kind == "Service" else []
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.usefixtures("clock")
def test_a_clean_up_waits_until_no_ingress_is_left() -> None:
    api: Any = Namespaces([INGRESS], urllib.error.URLError("down"), [INGRESS], [])
    assert cleanup.wait(api, ["web"], deadline=100) == ""
    assert time.monotonic() == 3 * cleanup.POLL_SECONDS


@pytest.mark.usefixtures("clock")
def test_a_clean_up_names_what_is_left_and_what_that_waits_for() -> None:
    api: Any = Namespaces([INGRESS])
    said = cleanup.wait(api, ["web"], deadline=10)
    assert "Ingress web/web (deleted, waits for ingress.k8s.aws/resources)" in said


@pytest.mark.usefixtures("clock")
def test_a_namespace_that_is_gone_is_clean() -> None:
    assert cleanup.wait(Namespaces(GONE), ["web"], deadline=10) == ""  # type: ignore[arg-type]


@pytest.mark.usefixtures("clock")
def test_only_services_with_a_load_balancer_are_waited_for() -> None:
    metadata = {"name": "web", "namespace": "web"}
    inside = {"metadata": metadata, "spec": {"type": "ClusterIP"}}
    outside = {"metadata": metadata, "spec": {"type": "LoadBalancer"}}
    api: Any = Namespaces([], services=[inside])
    assert cleanup.wait(api, ["web"], deadline=10) == ""
    api = Namespaces([], services=[inside, outside])
    assert cleanup.wait(api, ["web"], deadline=10).endswith("Service web/web")


@pytest.mark.usefixtures("clock")
def test_an_ingress_without_an_address_is_told_in_its_controllers_words() -> None:
    class Server(Namespaces):
        def get(self, *_: str) -> Any:
            return {**INGRESS, "kind": "Ingress", "status": {"loadBalancer": {}}}

    workload = {**WORKLOAD, "kind": "Ingress", "minReplicas": "0"}
    said = index.wait(Server([]), workload, deadline=10)  # type: ignore[arg-type]
    assert said == (
        "Ingress web/web didn't complete in time: it has no address; "
        "Failed deploy model due to AccessDenied"
    )
    addressed = {"loadBalancer": {"ingress": [{"hostname": "k8s-web.elb.amazonaws.com"}]}}
    assert pending({**INGRESS, "kind": "Ingress", "status": addressed}) == ""


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
