"""Custom resource handler: answers when the roll-outs of a manifest are complete or lost."""

import json
import ssl
import time
import urllib.error
import urllib.request
from typing import Any

from .kubernetes_api import KubernetesApi
from .workloads import RolloutFailed, pending, pod_trouble

POLL_SECONDS = 2
ACCESS_SECONDS = 60
"""How long the API server may refuse us: our access entry, made a moment ago, is on its way."""
REASON_LIMIT = 900
"""CloudFormation cuts a reason at about 1,000 characters; its tail would be lost."""


def handler(event: dict[str, Any], _: Any) -> None:
    """Wait on Create and Update; answer on Delete, when there is nothing to wait for."""
    problem = ""
    if event["RequestType"] != "Delete":
        properties = event["ResourceProperties"]
        deadline = time.monotonic() + int(properties["TimeoutSeconds"])
        try:
            api = KubernetesApi(properties["ClusterName"])
            for workload in properties["Workloads"]:
                problem = problem or wait(api, workload, deadline)
        except Exception as error:  # noqa: BLE001 (silence would hold the stack for an hour)
            problem = f"the roll-out couldn't be watched: {type(error).__name__}: {error}"
    answer(event, problem)


def wait(api: KubernetesApi, workload: dict[str, Any], deadline: float) -> str:
    """Return why the workload didn't complete in time, empty when it did."""
    kind, namespace, name = workload["kind"], workload["namespace"], workload["name"]
    subject = f"{kind} {namespace}/{name}"
    refused_at = time.monotonic() + ACCESS_SECONDS
    while True:
        found: dict[str, Any] = {}
        try:
            found = api.get(kind, namespace, name)
            refused_at = time.monotonic() + ACCESS_SECONDS
            missing = pending(found, int(workload["minReplicas"]))
            if not missing:
                print(f"{subject} is complete")
                return ""
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
    labels = workload.get("spec", {}).get("selector", {}).get("matchLabels")
    if not labels:
        return ""
    try:
        pods = api.pods(workload["metadata"]["namespace"], labels)
    except OSError:
        return ""
    seen = {trouble: pod["metadata"]["name"] for pod in pods if (trouble := pod_trouble(pod))}
    return "".join(f"; pod {name}: {trouble}" for trouble, name in seen.items())


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
