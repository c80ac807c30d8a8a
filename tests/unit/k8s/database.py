"""The database's charts, rendered as tests ask for them."""

import json
from typing import Any

from cdk8s import App

from k8s.database import DatabaseChart
from k8s.database_backup import DatabaseBackupChart
from k8s.database_client import DatabaseClient
from k8s.migrations import MigrationsChart

Manifest = dict[str, Any]
SECRETS = {"app": "arn:of:app", "dump": "arn:of:dump", "members": "arn:of:members"}


def chart(members: int = 3, **changes: Any) -> list[Manifest]:
    props: dict[str, Any] = {
        "namespace": "database",
        "client_namespace": "web",
        "image": "registry.example/database:1",
        "members": members,
        "cpu": "250m",
        "memory": "1Gi",
        "memory_mib": 1024,
        "max_connections": 200,
        "storage_class": "gp3",
        "storage_gib": 20,
        "keep_full_backups": 5,
        "region": "eu-central-1",
        "role_arn": "arn:of:role",
        "bucket": "backups",
        "secrets": SECRETS,
    }
    made: list[Manifest] = DatabaseChart(App(), "database", **props | changes).to_json()
    return made


def backup(**changes: Any) -> list[Manifest]:
    props = {
        "namespace": "database",
        "image": "registry.example/database:1",
        "full": "30 1 * * 0",
        "differential": "30 1 * * 1-6",
    }
    made: list[Manifest] = DatabaseBackupChart(App(), "backup", **props | changes).to_json()
    return made


def migrations(image: str = "registry.example/web:1.2.0", seconds: int = 600) -> list[Manifest]:
    made: list[Manifest] = MigrationsChart(
        App(),
        "migrations",
        namespace="web",
        image=image,
        database=DatabaseClient(namespace="database", role_arn="arn:of:client"),
        timeout_seconds=seconds,
    ).to_json()
    return made


def one(objects: list[Manifest], kind: str, name: str | None = None) -> Manifest:
    (found,) = (o for o in objects if o["kind"] == kind and name in (None, o["metadata"]["name"]))
    return found


def settings(objects: list[Manifest]) -> Manifest:
    found: Manifest = json.loads(one(objects, "ConfigMap")["data"]["patroni.yml"])
    return found


def pods(*manifests: list[Manifest]) -> list[Manifest]:
    found = []
    for item in (item for objects in manifests for item in objects):
        spec = (
            item["spec"]["jobTemplate"]["spec"] if item["kind"] == "CronJob" else item.get("spec")
        )
        if spec and "template" in spec:
            found.append(spec["template"]["spec"])
    return found
