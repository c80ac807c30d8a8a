"""The restore drill: a pod on a schedule, and what it may do in the cluster."""

from collections.abc import Sequence

from k8s.drill_image import Manifest, cron_job
from k8s.drill_policy import drill_policy

NAME = "restore-drill"
PREFIX = "drill-"
MODIFIER = "restore-drill"
_LIMIT_SECONDS = 3600
_GRACE_SECONDS = 120
"""For a drill that is stopped to take away what it restored."""
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
    storage_class: str,
    storage_gib: int,
    cpu: str,
    memory: str,
) -> list[Manifest]:
    """Return the CronJob and its rights; `schedule` is in UTC, `namespaces` are restored.

    With `storage_gib`, it restores the newest dump too, into a server on a volume of that size.
    It reads these namespaces by roles in them, which its own restore brings along: no role lets it
    read anywhere else.
    """
    arguments = [
        f"--environment={environment}",
        f"--max-age-hours={max_age_hours}",
        *([] if storage_gib else ["--no-data"]),
        *(f"--namespace={name}" for name in namespaces),
    ]
    container = {
        "name": "drill",
        "args": arguments,
        "env": [{"name": "AWS_DEFAULT_REGION", "value": region}],
    }
    return [
        *_rights(namespace, namespaces),
        *drill_policy(
            NAME,
            namespace=namespace,
            account=NAME,
            targets=dict(zip(namespaces, targets(namespaces), strict=True)),
            modifier=MODIFIER,
        ),
        cron_job(
            NAME,
            namespace=namespace,
            image=image,
            schedule=schedule,
            limit_seconds=_LIMIT_SECONDS,
            # A verdict is a verdict: a second drill would only find the same.
            retries=0,
            grace_seconds=_GRACE_SECONDS,
            container=container,
            volumes={"/tmp": _server(storage_class, storage_gib)},
            token=True,
            cpu=cpu,
            memory=memory,
        ),
    ]


def _server(storage_class: str, gib: int) -> Manifest:
    """Return the volume of the database that a dump is restored into: it goes with its pod."""
    if not gib:
        return {"emptyDir": {"sizeLimit": "1Gi"}}
    claim = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": storage_class,
        "resources": {"requests": {"storage": f"{gib}Gi"}},
    }
    return {"ephemeral": {"volumeClaimTemplate": {"spec": claim}}}


def _rights(namespace: str, namespaces: Sequence[str]) -> list[Manifest]:
    velero = [
        _rule("velero.io", ["backups", "backupstoragelocations"], ["get", "list"]),
        _rule("velero.io", ["restores"], ["create", "delete", "get"]),
        # Why one is partial: Velero says where that stands.
        _rule("velero.io", ["downloadrequests"], ["create", "delete", "get"]),
        # One drill at a time.
        _rule("coordination.k8s.io", ["leases"], ["create"]),
        _rule("coordination.k8s.io", ["leases"], ["delete", "get"], [NAME]),
        _rule("", ["configmaps"], ["create"]),
        _rule("", ["configmaps"], ["delete"], [MODIFIER]),
        _rule("", ["events"], ["create"]),
        # What it is to look at.
        _rule("batch", ["cronjobs"], ["get"], [NAME]),
    ]
    spaces = [
        _rule("", ["namespaces"], ["get"], [*namespaces, *targets(namespaces)]),
        _rule("", ["namespaces"], ["delete"], targets(namespaces)),
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


def targets(namespaces: Sequence[str]) -> list[str]:
    """Return the namespaces that these are restored into."""
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
