"""The database's charts, by themselves: what a reviewer asks of each object."""

import json
from typing import Any

import kubernetes_validate
import pytest
from cdk8s import App

from k8s.database import DatabaseChart
from k8s.database_backup import DatabaseBackupChart
from k8s.database_client import DatabaseClient, DatabaseClientChart
from k8s.migrations import MigrationsChart, job_name

Manifest = dict[str, Any]
VERSION = "1.35"
SECRETS = {"app": "arn:of:app", "members": "arn:of:members"}


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


@pytest.fixture(scope="module")
def objects() -> list[Manifest]:
    return chart()


@pytest.fixture(scope="module")
def backups() -> list[Manifest]:
    made: list[Manifest] = DatabaseBackupChart(
        App(),
        "backup",
        namespace="database",
        image="registry.example/database:1",
        full="30 1 * * 0",
        differential="30 1 * * 1-6",
    ).to_json()
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


def test_a_restart_leaves_the_volumes_modes_alone(objects: list[Manifest]) -> None:
    (pod,) = pods(objects)
    assert pod["securityContext"]["fsGroup"] == 999
    assert pod["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch"


def test_members_may_hold_elections_and_nothing_else(objects: list[Manifest]) -> None:
    rules = {tuple(r["resources"]): set(r["verbs"]) for r in one(objects, "Role")["rules"]}
    using = {"get", "list", "patch", "update", "watch"}
    assert rules == {("configmaps",): using | {"create"}, ("pods",): using}
    assert one(objects, "RoleBinding")["subjects"] == [
        {"kind": "ServiceAccount", "name": "database", "namespace": "database"}
    ]
    assert not any(item["kind"].startswith("ClusterRole") for item in objects)


def test_what_was_acknowledged_is_on_two_members(objects: list[Manifest]) -> None:
    assert settings(objects)["bootstrap"]["dcs"]["synchronous_mode"] is True
    assert settings(chart(1))["bootstrap"]["dcs"]["synchronous_mode"] is False


def test_members_are_apart_and_never_on_spot_nodes(objects: list[Manifest]) -> None:
    (pod,) = pods(objects)
    keys = {c["topologyKey"]: c["whenUnsatisfiable"] for c in pod["topologySpreadConstraints"]}
    assert keys == {
        "topology.kubernetes.io/zone": "DoNotSchedule",
        "kubernetes.io/hostname": "DoNotSchedule",
    }
    affinity = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    (term,) = affinity["nodeSelectorTerms"]
    assert term["matchExpressions"] == [
        {"key": "eks.amazonaws.com/capacityType", "operator": "NotIn", "values": ["SPOT"]}
    ]


@pytest.mark.parametrize("members", [1, 3])
def test_a_drain_is_never_blocked(members: int) -> None:
    budget = one(chart(members), "PodDisruptionBudget")["spec"]
    assert budget["maxUnavailable"] == 1
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_services_lead_to_whom_patroni_labels(objects: list[Manifest]) -> None:
    template = one(objects, "StatefulSet")["spec"]["template"]["metadata"]["labels"]
    for name, role in (("database", "primary"), ("database-replicas", "replica")):
        spec = one(objects, "Service", name)["spec"]
        assert spec["selector"] == {**template, "role": role}
        assert [(p["port"], p["targetPort"]) for p in spec["ports"]] == [(5432, 5432)]
    governing = one(objects, "StatefulSet")["spec"]["serviceName"]
    assert one(objects, "Service", governing)["spec"]["clusterIP"] == "None"
    labels = settings(objects)["kubernetes"]
    assert {**labels["labels"], labels["scope_label"]: settings(objects)["scope"]} == template


def test_a_new_primary_takes_the_label_of_the_one_before(objects: list[Manifest]) -> None:
    (mounted,) = (one["data"] for one in objects if one["kind"] == "ConfigMap")
    program, file, selector = settings(objects)["postgresql"]["callbacks"]["on_role_change"].split()
    folder, _, name = file.rpartition("/")
    compile(mounted[name], name, "exec")
    assert (program, folder) == ("python3", "/etc/patroni")
    (service,) = (
        one for one in objects if one["kind"] == "Service" and one["metadata"]["name"] == "database"
    )
    assert set(selector.split(",")) <= {f"{k}={v}" for k, v in service["spec"]["selector"].items()}


def test_selectors_and_claims_are_the_same_for_good(objects: list[Manifest]) -> None:
    spec = one(objects, "StatefulSet")["spec"]
    assert spec["selector"]["matchLabels"] == {
        "app.kubernetes.io/name": "database",
        "app.kubernetes.io/instance": "database",
    }
    (claim,) = spec["volumeClaimTemplates"]
    assert claim["metadata"]["name"] == "data"
    assert claim["spec"]["storageClassName"] == "gp3"
    assert claim["spec"]["resources"]["requests"] == {"storage": "20Gi"}


def test_probes_ask_patroni(objects: list[Manifest]) -> None:
    ((container,),) = (pod["containers"] for pod in pods(objects))
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    paths = {}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = container[probe]["httpGet"]
        assert ports[asked["port"]] == 8008
        paths[probe] = asked["path"]
    assert paths["readinessProbe"] == "/read-only"
    assert paths["livenessProbe"] == "/liveness"


def test_all_is_mounted_that_the_image_writes_to(objects: list[Manifest]) -> None:
    (pod,) = pods(objects)
    places = {mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    assert {"/etc/patroni", "/var/lib/postgresql", "/run/postgresql", "/tmp"} <= places


def test_changed_settings_restart_the_members(objects: list[Manifest]) -> None:
    def annotations(found: list[Manifest]) -> Any:
        return one(found, "StatefulSet")["spec"]["template"]["metadata"]["annotations"]

    assert annotations(objects) == annotations(chart())
    assert annotations(objects) != annotations(chart(keep_full_backups=6))


def test_nobody_connects_without_tls_and_a_password_but_within_the_pod(
    objects: list[Manifest],
) -> None:
    local, *others = settings(objects)["postgresql"]["pg_hba"]
    assert local == "local all postgres peer"
    for line in others:
        assert line.startswith("hostssl ")
        assert line.endswith(" scram-sha-256")


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


def test_the_archive_is_reached_by_web_identity(objects: list[Manifest]) -> None:
    lines = one(objects, "ConfigMap")["data"]["pgbackrest.conf"].splitlines()
    assert {"repo1-type=s3", "repo1-s3-key-type=web-id", "repo1-retention-full=5"} <= set(lines)
    assert not any("s3-key=" in line for line in lines)
    annotations = one(objects, "ServiceAccount")["metadata"]["annotations"]
    assert annotations == {"eks.amazonaws.com/role-arn": "arn:of:role"}
    parameters = settings(objects)["postgresql"]["parameters"]
    assert parameters["archive_mode"] == "on"
    assert "archive-push" in parameters["archive_command"]


def test_backups_follow_their_schedules_one_at_a_time(backups: list[Manifest]) -> None:
    found = {item["metadata"]["name"]: item["spec"] for item in backups}
    assert {name: spec["schedule"] for name, spec in found.items()} == {
        "database-backup-full": "30 1 * * 0",
        "database-backup-diff": "30 1 * * 1-6",
    }
    for spec in found.values():
        assert (spec["concurrencyPolicy"], spec["timeZone"]) == ("Forbid", "Etc/UTC")
        job = spec["jobTemplate"]["spec"]
        assert job["activeDeadlineSeconds"] == 6 * 3600
        assert job["template"]["spec"]["restartPolicy"] == "Never"


def test_a_migration_is_a_job_of_its_release() -> None:
    job = one(migrations(), "Job")
    assert job["metadata"]["name"].startswith("migrations-1-2-0-")
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["/usr/bin/python3.13", "-m", "service.migrate"]
    env = {variable["name"]: variable["value"] for variable in container["env"]}
    assert env["DATABASE_URL"] == (
        "postgresql://app@database.database.svc:5432/app?sslmode=require&channel_binding=require"
    )
    assert env["DATABASE_PASSWORD_FILE"] == "/var/run/secrets/database/app"
    assert job["spec"]["activeDeadlineSeconds"] > 600


def test_no_change_of_a_job_keeps_its_name() -> None:
    names = {
        one(found, "Job")["metadata"]["name"]
        for found in (
            migrations(),
            migrations("registry.example/web:1.2.1"),
            migrations("other.example/web:1.2.0"),
            migrations(seconds=500),
        )
    }
    assert len(names) == 4
    assert one(migrations(), "Job") == one(migrations(), "Job")


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("localhost:5000/web:V1.0_rc+1", "migrations-v1-0-rc-1-"),
        (f"registry.example/web:1@sha256:{'0123456789ab' * 5}0123", "migrations-0123456789ab-"),
        (f"registry.example/web:{'a' * 128}", f"migrations-{'a' * 30}-"),
    ],
)
def test_a_jobs_name_is_one_that_kubernetes_takes(image: str, name: str) -> None:
    made = job_name(image, image)
    assert made.startswith(name)
    # A pod's name has six characters more, and a label holds the Job's.
    assert len(made) <= 57
