"""Pods of the drill's image, images/drill, on a schedule."""

from collections.abc import Mapping
from typing import Any

Manifest = dict[str, Any]

_USER = 65532
_START_SECONDS = 3600
"""How late one may start; later, the next one does."""


def cron_job(
    name: str,
    *,
    namespace: str,
    image: str,
    schedule: str,
    limit_seconds: int,
    retries: int,
    container: Manifest,
    volumes: Mapping[str, Manifest],
    token: bool,
    grace_seconds: int = 30,
    cpu: str,
    memory: str,
) -> Manifest:
    """Return a CronJob whose pods run as its service account, restricted; `schedule` is in UTC.

    `volumes` are sources by where they are mounted; with `token` a pod may ask the API server. One
    that is told to end is killed after `grace_seconds`.
    """
    labels = {"app.kubernetes.io/name": name}
    places = list(enumerate(volumes.items()))
    made = {
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "resources": {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [
            {"name": f"volume-{number}", "mountPath": path} for number, (path, _) in places
        ],
        **container,
    }
    pod = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": grace_seconds,
        "serviceAccountName": name,
        "automountServiceAccountToken": token,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [made],
        "volumes": [{"name": f"volume-{number}", **source} for number, (_, source) in places],
    }
    job = {
        "activeDeadlineSeconds": limit_seconds,
        "backoffLimit": retries,
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "schedule": schedule,
            "timeZone": "Etc/UTC",
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": _START_SECONDS,
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {"spec": job},
        },
    }
