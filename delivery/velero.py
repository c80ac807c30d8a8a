"""Velero's objects in a cluster, and what it says of them in plain words."""

import contextlib
import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx

from delivery.cluster import Cluster, ClusterError, Object, wait_for

NAMESPACE = "velero"
GROUP = f"apis/velero.io/v1/namespaces/{NAMESPACE}"
LOCATION = "default"
DERIVED = (
    "policyendpoints.networking.k8s.aws",
    "clusterpolicyendpoints.networking.k8s.aws",
    "secretproviderclasspodstatuses.secrets-store.csi.x-k8s.io",
)
"""What EKS and the Secrets Store driver write of pods that run, as k8s/velero.py has it: it acts on
those pods from whichever namespace it is in, and is made anew by whom it belongs to."""
_DOWNLOAD_SECONDS = 30.0
_MOST_SAID = 3
_WHOLE = "Completed"
_PARTIAL = "PartiallyFailed"
_ENDED = {_WHOLE, _PARTIAL, "Failed", "FailedValidation"}


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


def goes_on(item: Object) -> bool:
    """Say whether Velero is at work on an object of its own, which is no time to delete it.

    It would try to write the end of a restore that is gone for all of its --resource-timeout, 10
    minutes, and take no other restore meanwhile.
    """
    ours = str(item.get("apiVersion", "")).startswith("velero.io/")
    return ours and item.get("status", {}).get("phase", "New") not in {"New", *_ENDED}


def problems(cluster: Cluster, item: Object) -> Iterator[str]:
    """Yield a sentence where a Backup or Restore that has ended isn't whole."""
    kind, name = item["kind"], item["metadata"]["name"]
    status = item["status"]
    if status["phase"] == _WHOLE:
        return
    reasons = [*status.get("validationErrors", []), status.get("failureReason", "")]
    if status["phase"] == _PARTIAL:
        reasons += said(cluster, item, "errors")
    counts = f"{status.get('errors', 0)} errors, {status.get('warnings', 0)} warnings"
    words = "; ".join(filter(None, reasons)) or counts
    yield f"{kind} {name} is {status['phase']}: {words}."


def said(cluster: Cluster, item: Object, what: str) -> list[str]:
    """Return the first "errors" or "warnings" that Velero wrote of a Backup or Restore.

    There are none where they can't be read: they only say more of what is known to be wrong.
    """
    with contextlib.suppress(VeleroError, OSError, ValueError, EOFError, zlib.error):
        file = download(cluster, f"{item['kind']}Results", item["metadata"]["name"])
        found = json.loads(gzip.decompress(file)).get(what, {})
        spaces = [text for texts in found.get("namespaces", {}).values() for text in texts]
        texts = [*found.get("velero", []), *found.get("cluster", []), *spaces]
        return [text.strip().rstrip(".") for text in texts[:_MOST_SAID]]
    return []


def download(cluster: Cluster, kind: str, name: str) -> bytes:
    """Return a file that Velero keeps of a backup or restore, such as its "BackupContents".

    Whoever may ask Velero needs no rights in the bucket. Raises VeleroError.
    """
    requests = f"{GROUP}/downloadrequests"
    body = {
        "apiVersion": "velero.io/v1",
        "kind": "DownloadRequest",
        "metadata": {"generateName": f"{name}-", "namespace": NAMESPACE},
        "spec": {"target": {"kind": kind, "name": name}},
    }
    try:
        path = f"{requests}/{cluster.create(requests, body)['metadata']['name']}"
        try:
            url = wait_for(
                f"Velero says where {kind} of {name} are",
                lambda: cluster.get(path).get("status", {}).get("downloadURL"),
                seconds=_DOWNLOAD_SECONDS,
            )
            answer = httpx.get(url, timeout=_DOWNLOAD_SECONDS)
            return answer.raise_for_status().content
        finally:
            cluster.delete(path)
    except httpx.HTTPStatusError as error:
        # Its words have the address, with which anybody may read the file for minutes.
        status = error.response.status_code
        raise VeleroError(f"{kind} of {name} can't be read: the bucket says {status}.") from None
    except (ClusterError, httpx.HTTPError) as error:
        raise VeleroError(f"{kind} of {name} can't be read: {error}") from error


def newest(cluster: Cluster, *, holding: Sequence[str] = (), now: datetime | None = None) -> Object:
    """Return the newest backup that is whole, kept, and was made of these namespaces.

    Raises VeleroError, with what is there instead.
    """
    return kept(cluster, holding=holding, now=now)[0]


def kept(
    cluster: Cluster,
    *,
    holding: Sequence[str] = (),
    now: datetime | None = None,
    partial: bool = False,
) -> list[Object]:
    """Return the backups that are whole, kept, and were made of these namespaces, newest first.

    There is at least one. With `partial`, a backup that lacks something is one too. Whether a
    namespace was there when a backup of all was made is in the backup only. Raises VeleroError.
    """
    now = now or datetime.now(UTC)
    backups = cluster.items(f"{GROUP}/backups")
    fitting = [b for b in backups if all(includes(b, namespace) for namespace in holding)]
    whole = [b for b in fitting if is_whole(b, partial=partial)]
    found = [b for b in whole if not expired(b, now)]
    if found:
        return sorted(found, key=completed, reverse=True)
    of = f" of {', '.join(holding)}" if holding else ""
    if whole:
        last = max(whole, key=completed)
        raise VeleroError(
            f"Every whole backup{of} has expired, the last, {last['metadata']['name']}, "
            f"at {last['status']['expiration']}."
        )
    if fitting:
        last = max(fitting, key=lambda b: str(b["metadata"]["creationTimestamp"]))
        phase = last.get("status", {}).get("phase")
        raise VeleroError(
            f"No backup{of} is whole; the last, {last['metadata']['name']}, is {phase}."
        )
    raise VeleroError(f"There is no backup{of}.")


def find(cluster: Cluster, name: str, *, partial: bool = False) -> Object:
    """Return a backup by its name. Raises VeleroError where there is none, or it isn't whole.

    With `partial` it may lack something.
    """
    found = cluster.find(f"{GROUP}/backups/{name}")
    if found is None:
        raise VeleroError(f"There is no backup {name!r}; Velero lists those of its bucket.")
    phase = found.get("status", {}).get("phase", "new")
    if phase == _PARTIAL and not partial:
        raise VeleroError(
            f"The backup {name} is {phase}, and not whole. Name another; where it is all that is "
            "left, say --partial (PARTIAL=1) to restore what it holds."
        )
    if not is_whole(found, partial=partial):
        raise VeleroError(f"The backup {name} is {phase}, and not whole.")
    return found


def is_whole(backup: Object, *, partial: bool = False) -> bool:
    """Say whether a backup lacks nothing or, with `partial`, has what could be had."""
    phases = (_WHOLE, _PARTIAL) if partial else (_WHOLE,)
    return backup.get("status", {}).get("phase") in phases


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
