"""The restore drill: a pod on a schedule, and what it may do in the cluster."""

from collections.abc import Sequence
from typing import Any

Manifest = dict[str, Any]

NAME = "restore-drill"
LABELS = {"app.kubernetes.io/name": NAME}
PREFIX = "drill-"
MODIFIER = "restore-drill"
_USER = 65532
_LIMIT_SECONDS = 3600
_START_SECONDS = 3600
_RBAC = "rbac.authorization.k8s.io"


def restore_drill(
    *,
    namespace: str,
    namespaces: Sequence[str],
    image: str,
    schedule: str,
    environment: str,
    region: str,
    max_age_hours: int,
    cpu: str,
    memory: str,
) -> list[Manifest]:
    """Return the CronJob and its rights; `schedule` is in UTC, `namespaces` are restored.

    It reads these namespaces by roles in them, which its own restore brings along: no role lets it
    read anywhere else.
    """
    arguments = [
        f"--environment={environment}",
        f"--max-age-hours={max_age_hours}",
        # Nothing in the cluster dumps the database yet; its archive is proven by its own tests.
        "--no-data",
        *(f"--namespace={name}" for name in namespaces),
    ]
    container = {
        "name": "drill",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": arguments,
        "env": [{"name": "AWS_REGION", "value": region}],
        "resources": {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }
    pod = {
        "restartPolicy": "Never",
        "serviceAccountName": NAME,
        "automountServiceAccountToken": True,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}],
    }
    job = {
        "activeDeadlineSeconds": _LIMIT_SECONDS,
        # A verdict is a verdict: a second drill would only find the same.
        "backoffLimit": 0,
        "template": {"metadata": {"labels": LABELS}, "spec": pod},
    }
    return [
        *_rights(namespace, namespaces),
        {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": {"name": NAME, "namespace": namespace, "labels": LABELS},
            "spec": {
                "schedule": schedule,
                "timeZone": "Etc/UTC",
                "concurrencyPolicy": "Forbid",
                "startingDeadlineSeconds": _START_SECONDS,
                "successfulJobsHistoryLimit": 1,
                "failedJobsHistoryLimit": 3,
                "jobTemplate": {"spec": job},
            },
        },
    ]


def _rights(namespace: str, namespaces: Sequence[str]) -> list[Manifest]:
    velero = [
        _rule("velero.io", ["backups", "backupstoragelocations"], ["get", "list"]),
        _rule("velero.io", ["restores"], ["create", "delete", "get"]),
        _rule("", ["configmaps"], ["create"]),
        _rule("", ["configmaps"], ["delete"], [MODIFIER]),
        _rule("", ["events"], ["create"]),
    ]
    spaces = [
        _rule("", ["namespaces"], ["get"], [*namespaces, *_targets(namespaces)]),
        _rule("", ["namespaces"], ["delete"], _targets(namespaces)),
    ]
    # Whatever kinds a namespace holds; a comparison that leaves some out proves nothing of them.
    reading = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list"]}]
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": NAME, "namespace": namespace},
        "automountServiceAccountToken": False,
    }
    return [
        account,
        *_bound("ClusterRole", None, namespace, spaces),
        *_bound("Role", namespace, namespace, velero),
        *(item for name in namespaces for item in _bound("Role", name, namespace, reading)),
    ]


def _targets(namespaces: Sequence[str]) -> list[str]:
    return [f"{PREFIX}{name}" for name in namespaces]


def _rule(
    group: str, resources: Sequence[str], verbs: Sequence[str], names: Sequence[str] = ()
) -> Manifest:
    rule: Manifest = {"apiGroups": [group], "resources": [*resources], "verbs": [*verbs]}
    return {**rule, "resourceNames": [*names]} if names else rule


def _bound(
    kind: str, namespace: str | None, account_namespace: str, rules: Sequence[Manifest]
) -> list[Manifest]:
    metadata: Manifest = {"name": NAME, **({"namespace": namespace} if namespace else {})}
    subject = {"kind": "ServiceAccount", "name": NAME, "namespace": account_namespace}
    return [
        {"apiVersion": f"{_RBAC}/v1", "kind": kind, "metadata": metadata, "rules": [*rules]},
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": f"{kind}Binding",
            "metadata": metadata,
            "roleRef": {"apiGroup": _RBAC, "kind": kind, "name": NAME},
            "subjects": [subject],
        },
    ]
