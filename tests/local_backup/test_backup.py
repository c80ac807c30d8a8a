"""Backups by the real Velero, restores of them, and drills that find what is wrong with one."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from delivery import contents, velero
from delivery.backup import backup
from delivery.cluster import Cluster, ClusterError, Object, connect
from delivery.data import dump
from delivery.data_check import check_data
from delivery.drill import Drill
from delivery.postgres import temporary
from delivery.report import DIMENSION, METRIC, METRIC_NAMESPACE, Verdict, publish
from delivery.restore import restore
from local import processes
from service.migrate import migrate
from service.settings import Settings
from tests.local.machine import Machine, eventually

NAME = "drilled"
SPACE = f"api/v1/namespaces/{NAME}"
LOCATION = f"{velero.GROUP}/backupstoragelocations/default"
ROWS = 500


def _meta(name: str, **more: Any) -> Object:
    return {"name": name, "namespace": NAME, **more}


def _workload() -> Object:
    pod = {"containers": [{"name": "one", "image": "example.com/one:1"}]}
    labels = {"app": "one"}
    return {
        "replicas": 1,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }


def _objects() -> Iterator[tuple[str, Object]]:
    """Yield a small namespace: each collection's path and an object of it."""
    core, apps = SPACE, f"apis/apps/v1/namespaces/{NAME}"
    role = {"eks.amazonaws.com/role-arn": "arn:aws:iam::111111111111:role/archive"}
    yield f"{core}/configmaps", {"metadata": _meta("one"), "data": {"a": "1"}}
    yield f"{core}/configmaps", {"metadata": _meta("two"), "data": {"b": "2"}}
    yield f"{core}/secrets", {"metadata": _meta("one"), "data": {"c": "Mw=="}}
    yield f"{core}/serviceaccounts", {"metadata": _meta("one", annotations=role)}
    yield f"{core}/services", {"metadata": _meta("one"), "spec": {"ports": [{"port": 80}]}}
    yield f"{apps}/deployments", {"metadata": _meta("one"), "spec": _workload()}
    stateful = {**_workload(), "serviceName": "one", "selector": {"matchLabels": {"app": "one"}}}
    yield f"{apps}/statefulsets", {"metadata": _meta("two"), "spec": stateful}
    template = {"spec": {**_workload()["template"]["spec"], "restartPolicy": "Never"}}
    cron = {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": template}}}
    yield f"apis/batch/v1/namespaces/{NAME}/cronjobs", {"metadata": _meta("one"), "spec": cron}


@pytest.fixture(scope="module")
def held(cluster: Cluster) -> Iterator[dict[str, Object]]:
    """What is in the namespace, by path, once it is in the backup `first`."""
    _remove(cluster, NAME)
    cluster.create("api/v1/namespaces", {"metadata": {"name": NAME}})
    made = [(path, cluster.create(path, item)) for path, item in _objects()]
    backup(cluster, f"first-{velero.stamp()}", [NAME], keep_hours=1)
    yield {f"{path}/{item['metadata']['name']}": item for path, item in made}
    _remove(cluster, NAME)


@pytest.fixture
def newest(cluster: Cluster, held: object) -> str:
    name: str = velero.newest(cluster, holding=[NAME])["metadata"]["name"]
    return name


@pytest.fixture
def drill(cluster: Cluster, dev: Machine, held: object) -> Callable[[], Verdict]:
    def drill() -> Verdict:
        s3 = dev.client("s3")
        return Drill(cluster=cluster, s3=s3, namespaces=[NAME], max_age_hours=1, data=False).run()

    return drill


def _remove(cluster: Cluster, namespace: str) -> None:
    cluster.delete(f"api/v1/namespaces/{namespace}")
    eventually(lambda: cluster.find(f"api/v1/namespaces/{namespace}") is None)


def test_a_namespace_that_is_lost_comes_back_object_by_object(
    cluster: Cluster, held: dict[str, Object], newest: str
) -> None:
    _remove(cluster, NAME)
    restore(cluster, f"back-{velero.stamp()}", backup=newest, namespaces={NAME: NAME})
    for path, item in held.items():
        found = cluster.get(path)
        apart = list(contents.differences(contents.comparable(item), contents.comparable(found)))
        # The addresses of a Service are given anew.
        assert [one for one in apart if not one.startswith("spec.clusterIP")] == [], path


def test_a_drill_passes_leaves_nothing_and_runs_nothing(
    cluster: Cluster, drill: Callable[[], Verdict], held: dict[str, Object]
) -> None:
    verdict = drill()
    assert verdict.problems == []
    assert verdict.objects >= len(held)
    assert cluster.find(f"api/v1/namespaces/drill-{NAME}") is None
    assert not [
        item
        for item in cluster.items(f"{velero.GROUP}/restores")
        if item["metadata"]["name"].startswith("drill-")
    ]


def test_a_verdict_is_told_by_metric_event_and_report(
    dev: Machine, cluster: Cluster, newest: str
) -> None:
    location = cluster.get(LOCATION)
    bucket = location["spec"]["objectStorage"]["bucket"]
    verdict = Verdict(bucket=bucket, backup=newest, problems=["Something is missing."])
    publish(verdict, cluster, "dev")
    report = f"drills/{verdict.finished:%Y-%m-%dT%H-%M-%SZ}.json"
    body = json.load(dev.client("s3").get_object(Bucket=bucket, Key=report)["Body"])
    assert (body["passed"], body["backup"]) == (False, newest)
    events = cluster.items(f"api/v1/namespaces/{velero.NAMESPACE}/events")
    mine = [e for e in events if e["involvedObject"]["name"] == newest]
    assert ("RestoreDrillFailed", "Warning") in [(e["reason"], e["type"]) for e in mine]
    metrics = dev.client("cloudwatch").list_metrics(
        Namespace=METRIC_NAMESPACE, Dimensions=[{"Name": DIMENSION, "Value": "dev"}]
    )["Metrics"]
    assert [m["MetricName"] for m in metrics] == [METRIC]


def test_what_exists_is_not_restored_over(
    cluster: Cluster, held: dict[str, Object], newest: str
) -> None:
    with pytest.raises(velero.VeleroError, match=f"The namespace '{NAME}' exists. Restore into"):
        restore(cluster, "over", backup=newest, namespaces={NAME: NAME})
    assert cluster.find(f"{velero.GROUP}/restores/over") is None
    with pytest.raises(velero.VeleroError, match="There is no backup 'none'"):
        restore(cluster, "over", backup="none", namespaces={NAME: "other"})
    with pytest.raises(velero.VeleroError, match="doesn't hold the namespace 'kube-system'"):
        restore(cluster, "over", backup=newest, namespaces={"kube-system": "other"})
    with pytest.raises(velero.VeleroError, match="There is no namespace 'nowhere' to back up"):
        backup(cluster, "nothing", ["nowhere"])


def test_a_drill_finds_what_a_backup_lacks(
    cluster: Cluster, drill: Callable[[], Verdict], held: object
) -> None:
    spec = {
        "includedNamespaces": [NAME],
        "storageLocation": "default",
        "snapshotVolumes": False,
        "ttl": "1h",
    }
    # Of the objects with a label there is one.
    some = {"matchExpressions": [{"key": "left-out", "operator": "DoesNotExist"}]}
    left_out = {"metadata": _meta("three", labels={"left-out": "true"})}
    cluster.create(f"{SPACE}/configmaps", left_out)
    for suffix, wanted, said in (
        ("lacking", {"labelSelector": some}, f"lacks configmaps {NAME}/three, which was there"),
        ("empty", {"includedResources": ["leases"]}, f"is empty: it holds nothing of {NAME}."),
    ):
        name = f"{suffix}-{velero.stamp()}"
        # Between two times that Kubernetes writes, which are whole seconds.
        time.sleep(1.1)
        velero.run(cluster, "Backup", name, {**spec, **wanted}, seconds=60)
        (problem,) = drill().problems
        assert f"The backup {name} {said}" in problem
        _forget(cluster, name)
    cluster.delete(f"{SPACE}/configmaps/three")


def _forget(cluster: Cluster, name: str) -> None:
    request = {
        "apiVersion": "velero.io/v1",
        "kind": "DeleteBackupRequest",
        "metadata": {"name": name, "namespace": velero.NAMESPACE},
        "spec": {"backupName": name},
    }
    cluster.create(f"{velero.GROUP}/deletebackuprequests", request)
    eventually(lambda: cluster.find(f"{velero.GROUP}/backups/{name}") is None)


def test_a_backup_that_has_expired_is_no_backup(cluster: Cluster, newest: str) -> None:
    later = datetime.now(UTC) + timedelta(days=100)
    with pytest.raises(velero.VeleroError, match=f"has expired, the last, {newest}, at 2"):
        velero.newest(cluster, holding=[NAME], now=later)


def _patch(dev: Machine, **storage: str) -> None:
    patch = json.dumps({"spec": {"objectStorage": storage}})
    kind = "backupstoragelocations.velero.io"
    dev.kubectl("patch", kind, "default", "-n", "velero", "--type=merge", "-p", patch)


def _phase(cluster: Cluster) -> str:
    phase: str = cluster.get(LOCATION).get("status", {}).get("phase", "")
    return phase


def test_a_wrong_bucket_is_named(
    dev: Machine, cluster: Cluster, drill: Callable[[], Verdict]
) -> None:
    bucket = cluster.get(LOCATION)["spec"]["objectStorage"]["bucket"]
    _patch(dev, bucket="no-such-bucket")
    try:
        eventually(lambda: _phase(cluster) == "Unavailable")
        (problem,) = drill().problems
        assert "'default' (bucket no-such-bucket) is unavailable: " in problem
        # Whose bucket it is, or whether it is there, isn't told to who has no right to know.
        assert "AccessDenied" in problem
    finally:
        _patch(dev, bucket=bucket)
    eventually(lambda: _phase(cluster) == "Available")


def test_without_permission_nothing_is_backed_up_and_the_next_one_is_whole(
    dev: Machine, cluster: Cluster, drill: Callable[[], Verdict]
) -> None:
    iam = dev.client("iam")
    eks = dev.client("eks")
    (found,) = eks.list_pod_identity_associations(
        clusterName="dev", namespace="velero", serviceAccount="velero"
    )["associations"]
    association = eks.describe_pod_identity_association(
        clusterName="dev", associationId=found["associationId"]
    )["association"]
    role = association["roleArn"].rsplit("/", 1)[-1]
    whole = iam.get_role_policy(RoleName=role, PolicyName="Backups")["PolicyDocument"]
    less = json.dumps(whole).replace('"s3:ListBucket"', '"s3:GetBucketTagging"')
    iam.put_role_policy(RoleName=role, PolicyName="Backups", PolicyDocument=less)
    try:
        eventually(lambda: _phase(cluster) == "Unavailable")
        (problem,) = drill().problems
        assert "is unavailable: " in problem
        assert "AccessDenied" in problem
        with pytest.raises(velero.VeleroError, match="AccessDenied"):
            backup(cluster, "denied", [NAME])
        # Velero itself, as a schedule has it: refused, and said so.
        spec = {"includedNamespaces": [NAME], "storageLocation": "default", "ttl": "1h"}
        made = velero.run(cluster, "Backup", f"denied-{velero.stamp()}", spec, seconds=60)
        (said,) = velero.problems(cluster, made)
        assert "is FailedValidation" in said
        assert "in Unavailable status" in said
    finally:
        iam.put_role_policy(RoleName=role, PolicyName="Backups", PolicyDocument=json.dumps(whole))
    eventually(lambda: _phase(cluster) == "Available")
    backup(cluster, f"next-{velero.stamp()}", [NAME], keep_hours=1)


def test_a_restore_that_is_killed_half_way_is_repeated(dev: Machine, cluster: Cluster) -> None:
    name, count = "many", 150
    path = f"api/v1/namespaces/{name}/configmaps"
    _remove(cluster, name)
    cluster.create("api/v1/namespaces", {"metadata": {"name": name}})
    for number in range(count):
        cluster.create(path, {"metadata": {"name": f"one-{number}"}, "data": {"n": f"{number}"}})
    kept = f"many-{velero.stamp()}"
    backup(cluster, kept, [name], keep_hours=1)
    _remove(cluster, name)
    half = f"half-{velero.stamp()}"
    body = {
        "apiVersion": "velero.io/v1",
        "kind": "Restore",
        "metadata": {"name": half, "namespace": velero.NAMESPACE},
        "spec": {"backupName": kept, "includedNamespaces": [name]},
    }
    cluster.create(f"{velero.GROUP}/restores", body)

    def there() -> int:
        return len([c for c in cluster.items(path) if c["metadata"]["name"].startswith("one-")])

    eventually(there)
    (pid_file,) = dev.state.clusters.glob("*/run/velero-velero.controller.pid")
    pid = processes.running(pid_file)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert there() < count

    def ended() -> bool:
        status = cluster.get(f"{velero.GROUP}/restores/{half}").get("status", {})
        return bool(status.get("phase") == "Failed")

    eventually(ended)
    with pytest.raises(velero.VeleroError, match="'many' exists"):
        restore(cluster, "again", backup=kept, namespaces={name: name})
    again = f"again-{velero.stamp()}"
    restore(cluster, again, backup=kept, namespaces={name: name}, existing=True)
    assert there() == count
    _remove(cluster, name)


def test_rows_are_proven_by_restoring_them(dev: Machine, cluster: Cluster) -> None:
    s3 = dev.client("s3")
    bucket = cluster.get(LOCATION)["spec"]["objectStorage"]["bucket"]
    with temporary() as (server,):
        url = server.create_database("notes")
        migrate(Settings(database_url=url), "head")
        with psycopg.connect(url) as connection:
            connection.execute(
                "INSERT INTO notes (id, title, body, created_at, updated_at) "
                "SELECT gen_random_uuid(), 'note ' || n, '', now(), now() "
                f"FROM generate_series(1, {ROWS}) n"
            )
        name, manifest = dump(url, s3, bucket)
        assert manifest["public.notes"]["rows"] == ROWS
        rows, problems = check_data(s3, bucket, max_age_hours=1)
        assert (rows >= ROWS, problems) == (True, [])
        # One row altered, as if it had been so in the archive all along.
        with psycopg.connect(url) as connection:
            connection.execute("UPDATE notes SET body = 'x' WHERE title = 'note 7'")
        other, _ = dump(url, s3, bucket)
    whole = s3.get_object(Bucket=bucket, Key=f"{name}manifest.json")["Body"].read()
    s3.put_object(Bucket=bucket, Key=f"{other}manifest.json", Body=whole)
    rows, problems = check_data(s3, bucket, max_age_hours=1)
    assert problems == [
        f"Table public.notes of {other} has rows with other values than when it was dumped."
    ]


def test_a_cluster_that_is_not_there_is_said_in_a_sentence(tmp_path: Any) -> None:
    with (
        pytest.raises(ClusterError, match=r"kubectl proxy doesn't start: .*nowhere"),
        connect(tmp_path / "nowhere"),
    ):
        pass
