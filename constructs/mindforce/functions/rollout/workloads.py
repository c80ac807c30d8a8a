"""When a workload's roll-out is complete, and when it never will be.

The conditions are those of `kubectl rollout status` and of the Job controller.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Object = Mapping[str, Any]
LOAD_BALANCERS = frozenset({"Ingress", "Service"})
"""Kinds that get an address; a Service only where its type is LoadBalancer."""


class RolloutFailed(Exception):
    """The workload's own controller gave it up."""


def pending(workload: Object, minimum_replicas: int = 0) -> str:
    """Return what is still missing, empty when the roll-out is complete.

    Raises RolloutFailed when waiting longer can't help.
    """
    status = workload.get("status", {})
    if workload["kind"] not in _WITHOUT_GENERATION:
        generation = workload["metadata"].get("generation", 0)
        if status.get("observedGeneration", 0) < generation:
            return "its controller hasn't seen the change yet"
    return _PENDING[workload["kind"]](workload, status, minimum_replicas)


def _deployment(workload: Object, status: Object, minimum_replicas: int) -> str:
    progressing = condition(status, "Progressing")
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        raise RolloutFailed(progressing.get("message", "its progress deadline passed"))
    wanted = max(workload["spec"].get("replicas", 1), minimum_replicas)
    updated, total = status.get("updatedReplicas", 0), status.get("replicas", 0)
    if updated < wanted:
        return f"{updated} of {wanted} pods are of the new version"
    if total > updated:
        return f"{total - updated} old pods are still there"
    return _missing(status.get("availableReplicas", 0), wanted, "available")


def _stateful_set(workload: Object, status: Object, minimum_replicas: int) -> str:
    wanted = max(workload["spec"].get("replicas", 1), minimum_replicas)
    updated = status.get("updatedReplicas", 0)
    if status.get("currentRevision") != status.get("updateRevision") and updated < wanted:
        return f"{updated} of {wanted} pods are of the new version"
    return _missing(status.get("readyReplicas", 0), wanted, "ready")


def _daemon_set(_: Object, status: Object, __: int) -> str:
    wanted = status.get("desiredNumberScheduled", 0)
    updated = status.get("updatedNumberScheduled", 0)
    if updated < wanted:
        return f"{updated} of {wanted} pods are of the new version"
    return _missing(status.get("numberAvailable", 0), wanted, "available")


def _job(workload: Object, status: Object, _: int) -> str:
    failed = condition(status, "Failed")
    if failed.get("status") == "True":
        raise RolloutFailed(failed.get("message", "it failed"))
    if condition(status, "Complete").get("status") == "True":
        return ""
    return _missing(status.get("succeeded", 0), workload["spec"].get("completions", 1), "complete")


def _load_balancer(_: Object, status: Object, __: int) -> str:
    # One that was there before counts, too: no status says which of its changes are made.
    return "" if status.get("loadBalancer", {}).get("ingress") else "it has no address"


_PENDING: Mapping[str, Callable[[Object, Object, int], str]] = {
    "Deployment": _deployment,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "Job": _job,
    **dict.fromkeys(LOAD_BALANCERS, _load_balancer),
}
_WITHOUT_GENERATION = LOAD_BALANCERS | {"Job"}
"""Kinds whose status doesn't say which generation it is of."""


def _missing(have: int, wanted: int, what: str) -> str:
    return f"{have} of {wanted} pods are {what}" if have < wanted else ""


def condition(status: Object, kind: str) -> Object:
    return next((c for c in status.get("conditions", ()) if c["type"] == kind), {})


def containers(pod: Object) -> Iterator[Object]:
    """Yield the status of each container, in the order in which they start."""
    status = pod.get("status", {})
    yield from status.get("initContainerStatuses", ())
    yield from status.get("containerStatuses", ())


def pod_trouble(pod: Object) -> str:
    """Return why a pod isn't ready, in the words of the kubelet or the scheduler; else empty."""
    status = pod.get("status", {})
    for container in containers(pod):
        state = container.get("state", {})
        if code := state.get("terminated", {}).get("exitCode"):
            return f"container {container['name']} ended with exit code {code}"
        waiting = state.get("waiting", {})
        if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
            said = waiting.get("message", "")
            return f"container {container['name']} {waiting['reason']} {said}".strip()
    scheduled = condition(status, "PodScheduled")
    if scheduled.get("status") == "False":
        return f"{scheduled.get('reason', '')}: {scheduled.get('message', '')}"
    return ""
