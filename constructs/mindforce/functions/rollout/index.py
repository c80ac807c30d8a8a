"""Custom resource handler: answers when roll-outs are complete or lost, and what they made gone."""

import json
import ssl
import time
import urllib.error
import urllib.request
from typing import Any

import boto3

from . import cleanup
from .kubernetes_api import KubernetesApi
from .stuck import StuckPods
from .targets import unanswered
from .workloads import LOAD_BALANCERS, RolloutFailed, pending, pod_trouble

CLEANUP = "Custom::KubernetesCleanup"
POLL_SECONDS = 1
ACCESS_SECONDS = 60
"""How long the API server may refuse us: our access entry, made a moment ago, is on its way."""
REASON_LIMIT = 900
"""CloudFormation cuts a reason at about 1,000 characters; its tail would be lost."""


def handler(event: dict[str, Any], _: Any) -> None:
    """Wait for a roll-out when it is made or changed, and for a clean-up when it is deleted."""
    problem = ""
    cleans = event["ResourceType"] == CLEANUP
    if cleans == (event["RequestType"] == "Delete"):
        properties = event["ResourceProperties"]
        deadline = time.monotonic() + int(properties["TimeoutSeconds"])
        try:
            problem = _clean(properties, deadline) if cleans else _roll_out(properties, deadline)
        except Exception as error:  # noqa: BLE001 (silence would hold the stack for an hour)
            what = "clean-up" if cleans else "roll-out"
            problem = f"the {what} couldn't be watched: {type(error).__name__}: {error}"
    answer(event, problem)


def _roll_out(properties: dict[str, Any], deadline: float) -> str:
    api = KubernetesApi(properties["ClusterName"])
    problem = ""
    for workload in properties["Workloads"]:
        problem = problem or wait(api, workload, deadline)
    return problem


def _clean(properties: dict[str, Any], deadline: float) -> str:
    try:
        api = KubernetesApi(properties["ClusterName"])
    except boto3.client("eks").exceptions.ResourceNotFoundException:
        print("the cluster is gone")
        return ""
    return cleanup.wait(api, properties["Namespaces"], deadline)


def wait(api: KubernetesApi, workload: dict[str, Any], deadline: float) -> str:
    """Return why the workload didn't complete in time, empty when it did."""
    kind, namespace, name = workload["kind"], workload["namespace"], workload["name"]
    subject = f"{kind} {namespace}/{name}"
    refused_at = time.monotonic() + ACCESS_SECONDS
    stuck = StuckPods()
    while True:
        found: dict[str, Any] = {}
        try:
            found = api.get(kind, namespace, name)
            refused_at = time.monotonic() + ACCESS_SECONDS
            missing = pending(found, int(workload["minReplicas"]))
            if not missing and kind in LOAD_BALANCERS:
                missing = unanswered(api, found)
            if not missing:
                print(f"{subject} is complete")
                return ""
            if kind == "StatefulSet":
                stuck.check(found, _pods(api, found), time.monotonic())
        except RolloutFailed as error:
            return f"{subject} failed: {error}{_troubles(api, found)}"
        except urllib.error.HTTPError as error:
            missing = f"the API server answers {error}"
            if error.code in (401, 403) and time.monotonic() > refused_at:
                return f"{subject} can't be read: {missing}"
        except OSError as error:
            if isinstance(getattr(error, "reason", None), ssl.SSLCertVerificationError):
                return f"{subject} can't be read: the API server isn't trusted: {error}"
            # An API server that is being upgraded comes back.
            missing = f"the API server can't be reached: {error}"
        if time.monotonic() > deadline:
            return f"{subject} didn't complete in time: {missing}{_troubles(api, found)}"
        time.sleep(POLL_SECONDS)


def _troubles(api: KubernetesApi, workload: dict[str, Any]) -> str:
    """Return what the pods say, where that can be had: it only explains a failure."""
    if workload.get("kind") in LOAD_BALANCERS:
        return _warning(api, workload)
    try:
        pods = _pods(api, workload)
    except OSError:
        return ""
    seen = {trouble: pod["metadata"]["name"] for pod in pods if (trouble := pod_trouble(pod))}
    return "".join(f"; pod {name}: {trouble}" for trouble, name in seen.items())


def _pods(api: KubernetesApi, workload: dict[str, Any]) -> list[dict[str, Any]]:
    labels = workload.get("spec", {}).get("selector", {}).get("matchLabels")
    return api.pods(workload["metadata"]["namespace"], labels) if labels else []


def _warning(api: KubernetesApi, item: dict[str, Any]) -> str:
    """Return what the object's controller last complained of, where that can be had."""
    metadata = item["metadata"]
    selector = f"involvedObject.kind={item['kind']},involvedObject.name={metadata['name']}"
    try:
        events = api.list("Event", metadata["namespace"], fieldSelector=f"{selector},type=Warning")
    except OSError:
        return ""
    return "".join(f"; {event.get('message', '')}" for event in events[-1:])


def answer(event: dict[str, Any], problem: str) -> None:
    """Send CloudFormation the result, to the presigned address it waits at."""
    body = {
        "Status": "FAILED" if problem else "SUCCESS",
        "Reason": problem[:REASON_LIMIT] or "complete",
        "PhysicalResourceId": event.get("PhysicalResourceId", event["LogicalResourceId"]),
        **{key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")},
    }
    print(body["Status"], body["Reason"])
    request = urllib.request.Request(
        event["ResponseURL"],
        data=json.dumps(body).encode(),
        method="PUT",
        headers={"Content-Type": ""},
    )
    with urllib.request.urlopen(request, timeout=30):
        pass
