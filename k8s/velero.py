"""What Velero is told by objects: where backups go, when they are made, what they hold."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from k8s.secret_store import DRIVER, DRIVER_ACCOUNT, DRIVER_NAMESPACES

Manifest = dict[str, Any]

LOCATION = "default"
PASSWORD_SECRET, PASSWORD_KEY = "velero-repo-credentials", "repository-password"
"""Velero's own names; it makes the Secret with a password known to everybody, unless it is there.
Source: pkg/repository/keys of Velero."""
DERIVED = (
    "policyendpoints.networking.k8s.aws",
    "clusterpolicyendpoints.networking.k8s.aws",
    "secretproviderclasspodstatuses.secrets-store.csi.x-k8s.io",
)
"""What no backup holds. A PolicyEndpoint names pods by namespace and address, and the node agent
goes by that wherever it finds one: restored beside its pods, it takes their policies away. The last
is the driver's note of a pod's volume; one of a pod that isn't there stops the driver on a node."""
AGENT_CONFIG = "node-agent-config"
_PROVIDER = "repository-password"
_RBAC = "rbac.authorization.k8s.io"
_SYNC = "secrets-store-sync"
"""None of the driver's own names, should its add-on ever bring such rights."""


@dataclass(frozen=True, kw_only=True)
class StorageLocation:
    """A bucket that backups go to; with `read_only`, one that they are only restored from.

    Without `key_arn` the bucket says how its objects are encrypted.
    """

    namespace: str
    bucket: str
    region: str
    key_arn: str | None = None
    name: str = LOCATION
    read_only: bool = False

    def manifest(self) -> Manifest:
        config = {"region": self.region}
        if self.key_arn:
            config["kmsKeyId"] = self.key_arn
        spec = {
            "provider": "aws",
            "accessMode": "ReadOnly" if self.read_only else "ReadWrite",
            "default": self.name == LOCATION,
            "objectStorage": {"bucket": self.bucket, "prefix": "velero"},
            "config": config,
        }
        return _object("BackupStorageLocation", self.name, self.namespace, spec)


@dataclass(frozen=True, kw_only=True)
class SnapshotLocation:
    """The region that snapshots of volumes without a CSI driver are made in."""

    namespace: str
    region: str

    def manifest(self) -> Manifest:
        spec = {"provider": "aws", "config": {"region": self.region}}
        return _object("VolumeSnapshotLocation", LOCATION, self.namespace, spec)


@dataclass(frozen=True, kw_only=True)
class Hook:
    """Commands in the pods of a namespace with these labels, before and after their backup.

    A command that fails makes the backup PartiallyFailed.
    """

    name: str
    namespace: str
    labels: Mapping[str, str]
    container: str
    before: Sequence[str]
    after: Sequence[str]
    timeout_seconds: int = 60

    def manifest(self) -> Manifest:
        def run(command: Sequence[str]) -> list[Manifest]:
            words = {
                "container": self.container,
                "command": list(command),
                "onError": "Fail",
                "timeout": f"{self.timeout_seconds}s",
            }
            return [{"exec": words}]

        return {
            "name": self.name,
            "includedNamespaces": [self.namespace],
            "labelSelector": {"matchLabels": dict(self.labels)},
            "pre": run(self.before),
            "post": run(self.after),
        }


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Backups by a cron schedule in UTC, each kept so many days; without namespaces, of all.

    `excluded` are names: Velero 1.18 takes patterns there, and still asks for the namespaces that
    they fit, one that is just going too (its issue 9980).
    """

    name: str
    namespace: str
    cron: str
    keep_days: int
    namespaces: Sequence[str] = ("*",)
    excluded: Sequence[str] = ()
    snapshot_volumes: bool
    move_data: bool
    hooks: Sequence[Hook] = field(default=())

    def manifest(self) -> Manifest:
        template: Manifest = {
            "storageLocation": LOCATION,
            "volumeSnapshotLocations": [LOCATION],
            "ttl": f"{24 * self.keep_days}h0m0s",
            "includedNamespaces": list(self.namespaces),
            "excludedResources": list(DERIVED),
            "snapshotVolumes": self.snapshot_volumes,
            "snapshotMoveData": self.move_data,
            "defaultVolumesToFsBackup": False,
        }
        if self.excluded:
            template["excludedNamespaces"] = list(self.excluded)
        if self.hooks:
            template["hooks"] = {"resources": [hook.manifest() for hook in self.hooks]}
        spec = {
            "schedule": self.cron,
            # What it made outlives it.
            "useOwnerReferencesInBackup": False,
            "skipImmediately": True,
            "template": template,
        }
        return _object("Schedule", self.name, self.namespace, spec)


def password_provider(*, namespace: str, region: str, secret_arn: str) -> Manifest:
    """Return what makes the repository's password a Secret of Velero's name."""
    objects = [
        {"objectName": secret_arn, "objectType": "secretsmanager", "objectAlias": PASSWORD_KEY}
    ]
    return {
        "apiVersion": "secrets-store.csi.x-k8s.io/v1",
        "kind": "SecretProviderClass",
        "metadata": {"name": _PROVIDER, "namespace": namespace},
        "spec": {
            "provider": "aws",
            "parameters": {
                "region": region,
                "usePodIdentity": "true",
                "objects": json.dumps(objects),
            },
            "secretObjects": [
                {
                    "secretName": PASSWORD_SECRET,
                    "type": "Opaque",
                    "data": [{"objectName": PASSWORD_KEY, "key": PASSWORD_KEY}],
                }
            ],
        },
    }


def password_rights(*, namespace: str) -> list[Manifest]:
    """Let the Secrets Store driver make the Secret of `password_provider`, and write no other.

    EKS's add-on takes the option that would give it such rights, and leaves it at that
    (aws/secrets-store-csi-driver-provider-aws#597). The driver knows what Secrets it has made by a
    watch over all namespaces: without that it stops at the first.
    """

    def rule(verbs: Sequence[str], names: Sequence[str] = ()) -> Manifest:
        of = {"resourceNames": list(names)} if names else {}
        return {"apiGroups": [""], "resources": ["secrets"], "verbs": list(verbs), **of}

    # To own an object is to say when it goes, for which some clusters want the right to delete it.
    writing = [rule(["create"]), rule(["get", "update", "patch", "delete"], [PASSWORD_SECRET])]
    return [
        *_driver_may("ClusterRole", {"name": _SYNC}, [rule(["list", "watch"])]),
        *_driver_may("Role", {"name": _SYNC, "namespace": namespace}, writing),
    ]


def _driver_may(
    kind: str, metadata: Mapping[str, str], rules: Sequence[Manifest]
) -> list[Manifest]:
    head = {"apiVersion": f"{_RBAC}/v1", "metadata": dict(metadata)}
    subjects = [
        {"kind": "ServiceAccount", "name": DRIVER_ACCOUNT, "namespace": namespace}
        for namespace in DRIVER_NAMESPACES
    ]
    role = {"apiGroup": _RBAC, "kind": kind, "name": _SYNC}
    return [
        {**head, "kind": kind, "rules": list(rules)},
        {**head, "kind": f"{kind}Binding", "roleRef": role, "subjects": subjects},
    ]


def password_volumes() -> list[Manifest]:
    """Return the server's volumes: the first makes the Secret, for which the second waits."""
    csi = {
        "driver": DRIVER,
        "readOnly": True,
        "volumeAttributes": {"secretProviderClass": _PROVIDER},
    }
    return [
        {"name": "secrets", "csi": csi},
        {"name": "repository", "secret": {"secretName": PASSWORD_SECRET}},
    ]


def password_mounts() -> list[Manifest]:
    folders = {"secrets": "/var/run/secrets/store", "repository": "/var/run/secrets/repository"}
    return [{"name": n, "mountPath": path, "readOnly": True} for n, path in folders.items()]


def agent_config(*, namespace: str, cpu: str, memory: str) -> Manifest:
    """Return how the agents move data: one volume at a time on a node, by pods of this size."""
    config = {
        "loadConcurrency": {"globalConfig": 1},
        # All four, or they are ignored; a limit of 0 is none.
        "podResources": {
            "cpuRequest": cpu,
            "cpuLimit": "0",
            "memoryRequest": memory,
            "memoryLimit": "1Gi",
        },
    }
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": AGENT_CONFIG, "namespace": namespace},
        "data": {"config.json": json.dumps(config)},
    }


def egress(*, namespace: str, credentials: str) -> Manifest:
    """Return the ways to AWS and the API server, on 443, and to the credentials' address."""
    rules = [
        {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"port": 443, "protocol": "TCP"}]},
        {"to": [{"ipBlock": {"cidr": credentials}}], "ports": [{"port": 80, "protocol": "TCP"}]},
    ]
    spec = {"podSelector": {}, "policyTypes": ["Egress"], "egress": rules}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "to-aws", "namespace": namespace},
        "spec": spec,
    }


def _object(kind: str, name: str, namespace: str, spec: Manifest) -> Manifest:
    return {
        "apiVersion": "velero.io/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }
