"""Velero's objects in a cluster, and what it says of them in plain words."""

import contextlib
import gzip
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx

from delivery.cluster import Cluster, ClusterError, Object, wait_for

NAMESPACE = "velero"
GROUP = f"apis/velero.io/v1/namespaces/{NAMESPACE}"
LOCATION = "default"
_RESULTS_SECONDS = 30.0
_MOST_ERRORS = 3
_ENDED = {"Completed", "PartiallyFailed", "Failed", "FailedValidation"}


class VeleroError(Exception):
    """A backup or restore that can't be made or isn't whole; a sentence says which and why."""


def location(cluster: Cluster, name: str = LOCATION) -> Object:
    """Return a storage location that is available. Raises VeleroError."""
    found = cluster.find(f"{GROUP}/backupstoragelocations/{name}")
    if found is None:
        raise VeleroError(f"There is no storage location {name!r} in the namespace {NAMESPACE}.")
    status = found.get("status", {})
    if status.get("phase") != "Available":
        why = status.get("message") or "Velero has not looked at it; does its server run?"
        bucket = found["spec"]["objectStorage"]["bucket"]
        raise VeleroError(f"The storage location {name!r} (bucket {bucket}) is unavailable: {why}")
    return found


def run(cluster: Cluster, kind: str, name: str, spec: Object, *, seconds: float) -> Object:
    """Make a Backup or Restore, and return it when it has ended. Raises ClusterError."""
    plural = f"{kind.lower()}s"
    body = {
        "apiVersion": "velero.io/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": spec,
    }
    cluster.create(f"{GROUP}/{plural}", body)

    def ended() -> Object | None:
        found = cluster.get(f"{GROUP}/{plural}/{name}")
        return found if found.get("status", {}).get("phase") in _ENDED else None

    done: Object = wait_for(f"{kind} {name} has ended", ended, seconds=seconds)
    return done


def problems(cluster: Cluster, item: Object) -> Iterator[str]:
    """Yield a sentence where a Backup or Restore that has ended isn't whole."""
    kind, name = item["kind"], item["metadata"]["name"]
    status = item["status"]
    if status["phase"] == "Completed":
        return
    reasons = [*status.get("validationErrors", []), status.get("failureReason", "")]
    if status["phase"] == "PartiallyFailed":
        reasons += _errors(cluster, kind, name)
    counts = f"{status.get('errors', 0)} errors, {status.get('warnings', 0)} warnings"
    words = "; ".join(filter(None, reasons)) or counts
    yield f"{kind} {name} is {status['phase']}: {words}."


def _errors(cluster: Cluster, kind: str, name: str) -> list[str]:
    """Return the first errors that Velero wrote of a Backup or Restore; none if it can't."""
    requests = f"{GROUP}/downloadrequests"
    body = {
        "apiVersion": "velero.io/v1",
        "kind": "DownloadRequest",
        "metadata": {"name": f"{name}-errors", "namespace": NAMESPACE},
        "spec": {"target": {"kind": f"{kind}Results", "name": name}},
    }
    path = f"{requests}/{name}-errors"
    with contextlib.suppress(ClusterError, httpx.HTTPError, OSError, ValueError):
        cluster.create(requests, body)
        try:
            url = wait_for(
                f"the errors of {name} can be read",
                lambda: cluster.get(path).get("status", {}).get("downloadURL"),
                seconds=_RESULTS_SECONDS,
            )
            answer = httpx.get(url).raise_for_status()
        finally:
            cluster.delete(path)
        errors = json.loads(gzip.decompress(answer.content)).get("errors", {})
        spaces = [text for texts in errors.get("namespaces", {}).values() for text in texts]
        said = [*errors.get("velero", []), *errors.get("cluster", []), *spaces]
        return [text.strip().rstrip(".") for text in said[:_MOST_ERRORS]]
    return []


def newest(cluster: Cluster, *, holding: Sequence[str] = (), now: datetime | None = None) -> Object:
    """Return the newest backup that is whole, kept, and was made of these namespaces.

    Raises VeleroError, with what is there instead.
    """
    now = now or datetime.now(UTC)
    backups = cluster.items(f"{GROUP}/backups")
    fitting = [b for b in backups if all(includes(b, namespace) for namespace in holding)]
    whole = [b for b in fitting if b.get("status", {}).get("phase") == "Completed"]
    kept = [b for b in whole if not expired(b, now)]
    if kept:
        return max(kept, key=completed)
    of = f" of {', '.join(holding)}" if holding else ""
    if whole:
        last = max(whole, key=completed)
        raise VeleroError(
            f"Every whole backup{of} has expired, the last, {last['metadata']['name']}, "
            f"at {last['status']['expiration']}."
        )
    if fitting:
        phases = {b["metadata"]["name"]: b.get("status", {}).get("phase") for b in fitting}
        last_name = max(fitting, key=lambda b: str(b["metadata"]["creationTimestamp"]))
        name = last_name["metadata"]["name"]
        raise VeleroError(f"No backup{of} is whole; the last, {name}, is {phases[name]}.")
    raise VeleroError(f"There is no backup{of}.")


def find(cluster: Cluster, name: str) -> Object:
    """Return a backup by its name. Raises VeleroError where there is none, or it isn't whole."""
    found = cluster.find(f"{GROUP}/backups/{name}")
    if found is None:
        raise VeleroError(f"There is no backup {name!r}; Velero lists those of its bucket.")
    phase = found.get("status", {}).get("phase", "new")
    if phase != "Completed":
        raise VeleroError(f"The backup {name} is {phase}, and not whole.")
    return found


def includes(backup: Object, namespace: str) -> bool:
    included: list[Any] = backup["spec"].get("includedNamespaces") or ["*"]
    excluded: list[Any] = backup["spec"].get("excludedNamespaces") or []
    return ("*" in included or namespace in included) and namespace not in excluded


def expired(backup: Object, now: datetime) -> bool:
    until = backup.get("status", {}).get("expiration")
    return until is not None and moment(until) <= now


def completed(backup: Object) -> datetime:
    return moment(backup["status"]["completionTimestamp"])


def moment(text: str) -> datetime:
    """Return a time as Kubernetes writes it."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def stamp() -> str:
    """Return a name's ending that sorts by time."""
    return datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
