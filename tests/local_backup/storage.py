"""Where Velero keeps backups, who it is in AWS, and how it is asked to delete one."""

import json
from typing import Any

from delivery import velero
from delivery.cluster import Cluster
from tests.local.machine import Machine, eventually

LOCATION = f"{velero.GROUP}/backupstoragelocations/default"
DELETIONS = f"{velero.GROUP}/deletebackuprequests"


def phase(cluster: Cluster) -> str:
    """What Velero last found of the location: Available, Unavailable, or nothing yet."""
    found: str = cluster.get(LOCATION).get("status", {}).get("phase", "")
    return found


def patch(dev: Machine, spec: object) -> None:
    """Change the location."""
    kind = "backupstoragelocations.velero.io"
    body = json.dumps({"spec": spec})
    dev.kubectl("patch", kind, "default", "-n", velero.NAMESPACE, "--type=merge", "-p", body)


def role(dev: Machine, cluster: str) -> dict[str, Any]:
    """The role that Velero's pods have in a cluster of dev's account, as IAM describes it."""
    eks = dev.client("eks")
    (found,) = eks.list_pod_identity_associations(
        clusterName=cluster, namespace=velero.NAMESPACE, serviceAccount="velero"
    )["associations"]
    association = eks.describe_pod_identity_association(
        clusterName=cluster, associationId=found["associationId"]
    )["association"]
    name = association["roleArn"].rsplit("/", 1)[-1]
    described: dict[str, Any] = dev.client("iam").get_role(RoleName=name)["Role"]
    return described


def ask_to_delete(cluster: Cluster, backup: str) -> None:
    """Have Velero delete a backup with all that is kept of it."""
    request = {
        "apiVersion": "velero.io/v1",
        "kind": "DeleteBackupRequest",
        "metadata": {"name": backup, "namespace": velero.NAMESPACE},
        "spec": {"backupName": backup},
    }
    cluster.create(DELETIONS, request)


def forget(cluster: Cluster, backup: str) -> None:
    """Have Velero delete a backup, and wait until it is gone."""
    ask_to_delete(cluster, backup)
    eventually(lambda: cluster.find(f"{velero.GROUP}/backups/{backup}") is None)
