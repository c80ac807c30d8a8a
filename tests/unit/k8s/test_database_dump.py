"""When the rows are dumped, by whom, and that the drill has room to prove them."""

from typing import Any

import pytest

from config.model import Environment
from k8s.database_settings import files
from tests.synthesis import Synthesis, manifests
from tests.tables import WHOLE
from tests.unit.k8s.database import chart, one

NAME = "database-dump"
Manifest = dict[str, Any]


@pytest.fixture
def objects(whole: Synthesis) -> list[Manifest]:
    return manifests(whole.template("prod", "Workloads"))


@pytest.mark.parametrize("environment", WHOLE.environments, ids=lambda e: e.name)
def test_rows_are_dumped_on_the_tables_schedule_before_the_drill(
    whole: Synthesis, environment: Environment
) -> None:
    found = manifests(whole.template(environment.name, "Workloads"))
    assert environment.database
    spec = one(found, "CronJob", NAME)["spec"]
    assert spec["schedule"] == environment.database.dumps
    assert (spec["concurrencyPolicy"], spec["timeZone"]) == ("Forbid", "Etc/UTC")
    # Both once a day or more seldom, at a time of the day.
    minutes = [
        int(hour) * 60 + int(minute)
        for minute, hour in (
            cron.split(" ")[:2] for cron in (environment.database.dumps, environment.backup.drill)
        )
    ]
    limit = spec["jobTemplate"]["spec"]["activeDeadlineSeconds"]
    assert minutes[1] - minutes[0] >= limit / 60


def test_its_pod_is_restricted_and_given_no_secret_by_the_manifest(objects: list[Manifest]) -> None:
    pod = one(objects, "CronJob", NAME)["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    env = {variable["name"]: variable["value"] for variable in container["env"]}
    url = "postgresql://dump@database.database.svc:5432/app"
    assert env["DATABASE_URL"] == f"{url}?sslmode=require&channel_binding=require"
    provider = one(objects, "SecretProviderClass", NAME)
    assert provider["spec"]["parameters"]["objects"].count("objectName") == 1
    (secrets,) = (volume["csi"] for volume in pod["volumes"] if "csi" in volume)
    assert secrets["volumeAttributes"] == {"secretProviderClass": provider["metadata"]["name"]}


def test_the_drill_has_as_much_room_as_a_member(whole: Synthesis, objects: list[Manifest]) -> None:
    (cron,) = (o for o in objects if o["kind"] == "CronJob" and "drill" in o["metadata"]["name"])
    pod = cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (volume,) = pod["volumes"]
    claim = volume["ephemeral"]["volumeClaimTemplate"]["spec"]
    member = one(objects, "StatefulSet")["spec"]["volumeClaimTemplates"][0]["spec"]
    assert claim["resources"] == member["resources"]
    assert claim["storageClassName"] == member["storageClassName"]
    # Which PostgreSQL's own user can write to.
    assert pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsUser"]
    platform = manifests(whole.template("prod", "Platform"))
    quota = next(
        o
        for o in platform
        if o["kind"] == "ResourceQuota" and o["metadata"]["namespace"] == "velero"
    )
    assert int(quota["spec"]["hard"]["persistentvolumeclaims"]) > 1


def test_the_role_reads_the_applications_database_alone_and_only_by_tls() -> None:
    content = files(
        namespace="database",
        labels={},
        memory_mib=512,
        max_connections=200,
        region="eu-central-1",
        keep_full_backups=2,
    )
    rules = [line.strip(' ",') for line in content["patroni.yml"].splitlines() if " dump " in line]
    assert rules == ["hostssl app dump all scram-sha-256"]
    for script in ("bootstrap.sh", "passwords.sh"):
        assert "GRANT SELECT ON TABLES TO dump;" in content[script]
    # What a member mounts, of which its scripts read each.
    mounted = one(chart(), "SecretProviderClass")["spec"]["parameters"]["objects"]
    assert "arn:of:dump" in mounted
