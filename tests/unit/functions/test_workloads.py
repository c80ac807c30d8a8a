"""The gate's judgement of a workload by what the API server says of it."""

from typing import Any

import pytest

from mindforce.functions.rollout.workloads import RolloutFailed, pending, pod_trouble
from tests.unit.functions.kubernetes import COMPLETE, deployment


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
