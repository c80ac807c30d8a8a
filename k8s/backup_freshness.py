"""What looks for backups that are late: a pod on a schedule, which reads Velero's objects."""

from collections.abc import Mapping

from k8s.drill_image import Manifest, cron_job

NAME = "backup-freshness"
_SCHEDULE = "*/15 * * * *"
"""Several times in each of the alarm's hours, so that one pod that is late is no matter."""
_LIMIT_SECONDS = 300
_RBAC = "rbac.authorization.k8s.io"


def backup_freshness(
    *,
    namespace: str,
    image: str,
    environment: str,
    region: str,
    gaps: Mapping[str, int],
    cpu: str,
    memory: str,
) -> list[Manifest]:
    """Return the CronJob and its rights; `gaps` are the hours between two backups, by schedule."""
    metadata: Manifest = {"name": NAME, "namespace": namespace}
    schedules = (f"--schedule={name}={hours}" for name, hours in gaps.items())
    container = {
        "name": "freshness",
        "command": ["/usr/bin/python3", "-m", "delivery.freshness"],
        "args": [f"--environment={environment}", *schedules],
        "env": [{"name": "AWS_DEFAULT_REGION", "value": region}],
    }
    rules = [
        {"apiGroups": ["velero.io"], "resources": ["backups"], "verbs": ["list"]},
        {
            "apiGroups": ["velero.io"],
            "resources": ["schedules"],
            "resourceNames": list(gaps),
            "verbs": ["get"],
        },
    ]
    return [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": metadata,
            "automountServiceAccountToken": False,
        },
        {"apiVersion": f"{_RBAC}/v1", "kind": "Role", "metadata": metadata, "rules": rules},
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": NAME},
            "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": namespace}],
        },
        cron_job(
            NAME,
            namespace=namespace,
            image=image,
            schedule=_SCHEDULE,
            limit_seconds=_LIMIT_SECONDS,
            # The next one comes soon enough.
            retries=0,
            container=container,
            volumes={"/tmp": {"emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}}},
            token=True,
            cpu=cpu,
            memory=memory,
        ),
    ]
