"""Pods that a StatefulSet would wait for until its time is over.

A Deployment has a deadline for progress of its own. A StatefulSet has none: with an image that
can't be pulled it waits for its first new pod for ever.
"""

from collections.abc import Iterable, Iterator

from .workloads import Object, RolloutFailed, condition, containers

STUCK_SECONDS = 180
"""The kubelet has tried five times by then, with pauses that have grown to more than a minute: a
registry that was away for a moment is back, and what a first start waits for has come."""
_REASONS = frozenset(
    {
        "CrashLoopBackOff",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
    }
)
_REVISION = "controller-revision-hash"


class StuckPods:
    """Since when pods of a StatefulSet's new revision don't start."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def check(self, stateful_set: Object, pods: Iterable[Object], now: float) -> None:
        """Raises RolloutFailed when one hasn't started for too long, and wasn't ready meanwhile."""
        revision = stateful_set.get("status", {}).get("updateRevision")
        waiting = {
            pod["metadata"]["uid"]: pod
            for pod in pods
            if pod["metadata"].get("labels", {}).get(_REVISION) == revision
            and condition(pod.get("status", {}), "Ready").get("status") != "True"
        }
        # A container that crashes runs in between, which makes its pod no better.
        self._since = {uid: since for uid, since in self._since.items() if uid in waiting}
        for uid, pod in waiting.items():
            if not any(reason in _REASONS for reason in _waits(pod)):
                continue
            if now - self._since.setdefault(uid, now) >= STUCK_SECONDS:
                name = pod["metadata"]["name"]
                raise RolloutFailed(f"its new pod {name} hasn't started for {STUCK_SECONDS} s")


def _waits(pod: Object) -> Iterator[str]:
    for container in containers(pod):
        yield container.get("state", {}).get("waiting", {}).get("reason", "")
