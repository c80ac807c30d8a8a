"""What the pods of the database, its backups and its migrations have in common."""

import json

import kubernetes_validate
import pytest
from cdk8s import App

from k8s.database_client import DatabaseClientChart
from tests.unit.k8s.database import (
    SECRETS,
    Manifest,
    backup,
    chart,
    migrations,
    one,
    pods,
    settings,
)

VERSION = "1.35"


@pytest.fixture(scope="module")
def objects() -> list[Manifest]:
    return chart()


@pytest.fixture(scope="module")
def backups() -> list[Manifest]:
    return backup()


def test_every_object_is_valid(objects: list[Manifest], backups: list[Manifest]) -> None:
    client = DatabaseClientChart(
        App(),
        "client",
        namespace="web",
        database_namespace="database",
        region="eu-central-1",
        secret_arn="arn:of:app",
    ).to_json()
    for item in (*objects, *backups, *migrations(), *client):
        if item["kind"] != "SecretProviderClass":
            kubernetes_validate.validate(item, VERSION, strict=True)


def test_pods_run_with_the_least_that_a_process_can_have(
    objects: list[Manifest], backups: list[Manifest]
) -> None:
    found = pods(objects, backups, migrations())
    assert len(found) == 4
    for pod in found:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }
        assert container["resources"]["limits"].keys() == {"memory"}


def test_only_members_talk_to_the_api_server(
    objects: list[Manifest], backups: list[Manifest]
) -> None:
    assert one(objects, "ServiceAccount")["automountServiceAccountToken"] is False
    mounted = [pod["automountServiceAccountToken"] for pod in pods(objects, backups, migrations())]
    assert mounted == [True, False, False, False]


def test_whoever_connects_has_the_server_prove_itself(
    objects: list[Manifest], backups: list[Manifest]
) -> None:
    roles = settings(objects)["postgresql"]["authentication"]
    for name in ("replication", "rewind"):
        assert (roles[name]["sslmode"], roles[name]["channel_binding"]) == ("require", "require")
    for pod in pods(backups):
        script = pod["containers"][0]["command"][2]
        assert "sslmode=require channel_binding=require" in script


def test_passwords_come_from_mounted_files_only(
    objects: list[Manifest], backups: list[Manifest]
) -> None:
    for pod in pods(objects, backups, migrations()):
        (volume,) = (v for v in pod["volumes"] if v["name"] == "secrets")
        assert volume["csi"]["driver"] == "secrets-store.csi.k8s.io"
        for container in pod["containers"]:
            names = {variable["name"] for variable in container.get("env", ())}
            assert not {n for n in names if "PASSWORD" in n} - {"DATABASE_PASSWORD_FILE"}
    assert not any(item["kind"] == "Secret" for item in (*objects, *backups, *migrations()))
    assert "password" not in json.dumps(settings(objects)).lower()
    provider = one(objects, "SecretProviderClass")["spec"]
    assert provider["provider"] == "aws"
    wanted = json.loads(provider["parameters"]["objects"])
    assert {item["objectAlias"]: item["objectName"] for item in wanted} == SECRETS
