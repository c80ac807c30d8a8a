"""Drills of what the real Velero backed up, which find what is wrong with it."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from delivery import contents, lease, restore, scope, velero
from delivery.cluster import Cluster, Object
from delivery.comparison import apart
from delivery.data import dump
from delivery.data_check import check_data
from delivery.drill import main
from delivery.postgres import temporary
from delivery.process import ROOT
from delivery.report import DIMENSION, METRIC, METRIC_NAMESPACE, Verdict, publish
from service.migrate import migrate
from service.settings import Settings
from tests.local.machine import Machine, eventually
from tests.local_backup.drilled import NAME, SPACE, derived, meta, remove
from tests.local_backup.storage import LOCATION, forget

ROWS = 500


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


def test_what_is_derived_of_pods_is_in_no_backup_and_never_restored(
    dev: Machine,
    cluster: Cluster,
    drill: Callable[[], Verdict],
    newest: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Beside those pods, it would take their network policies away."""
    derived_of = {path for path, _ in derived()}
    assert all(cluster.items(path) for path in derived_of)

    def held(backup: str) -> set[str]:
        found = contents.read(dev.client("s3"), cluster.get(LOCATION), backup)
        return {key.resource for key in found} & set(velero.DERIVED)

    assert held(newest) == set()
    # A backup that somebody had Velero make, by itself.
    name = f"plain-{velero.stamp()}"
    spec = {"includedNamespaces": [NAME], "storageLocation": "default", "ttl": "1h"}
    time.sleep(1.1)
    velero.run(cluster, "Backup", name, {**spec, "snapshotVolumes": False}, seconds=60)
    assert len(held(name)) == len(derived_of)
    restored: list[Object] = []

    def there(namespace: str) -> list[Object]:
        moved = [path.replace(f"/{NAME}/", f"/{namespace}/") for path in derived_of]
        return [item for path in moved for item in cluster.items(path)]

    def looking(*arguments: Any) -> Iterator[str]:
        restored.extend(there(f"drill-{NAME}"))
        assert cluster.items(f"api/v1/namespaces/drill-{NAME}/configmaps")
        return apart(*arguments)

    monkeypatch.setattr("delivery.drill.apart", looking)
    verdict = drill()
    assert (verdict.backup, verdict.problems, restored) == (name, [], [])
    try:
        assert restore.main(["--from", name, "--namespace", NAME, "--into", "elsewhere"]) == 0
        assert cluster.items("api/v1/namespaces/elsewhere/configmaps")
        assert there("elsewhere") == []
    finally:
        remove(cluster, "elsewhere")
        forget(cluster, name)


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


def test_a_drill_of_less_than_the_scheduled_one_silences_no_alarm(
    dev: Machine, held: object, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--environment", "elsewhere", "--namespace", NAME, "--no-data"]
    assert main(words) == 0
    passed, last = capsys.readouterr().out.splitlines()
    assert passed.startswith("PASSED: backup ")
    assert last.startswith("The verdict isn't published: database, web was not restored, ")

    def published() -> list[object]:
        dimensions = [{"Name": DIMENSION, "Value": "elsewhere"}]
        return list(dev.client("cloudwatch").list_metrics(Dimensions=dimensions)["Metrics"])

    assert published() == []
    # What failed is told, however little it looked at.
    assert main([*words, "--namespace", "nowhere"]) == 1
    assert "FAILED: " in capsys.readouterr().out
    assert len(published()) == 1


def test_what_a_drill_that_was_killed_left_is_deleted_first(
    cluster: Cluster, drill: Callable[[], Verdict]
) -> None:
    cluster.create("api/v1/namespaces", {"metadata": {"name": f"drill-{NAME}"}})
    left = {"metadata": {"name": "one"}, "data": {"a": "of then"}}
    cluster.create(f"api/v1/namespaces/drill-{NAME}/configmaps", left)
    assert drill().problems == []


def test_a_drill_whose_pod_is_ended_cleans_up_tells_it_and_holds_up_no_other(
    dev: Machine,
    cluster: Cluster,
    newest: str,
    drill: Callable[[], Verdict],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ["--environment", "ended", "--namespace", NAME]
    command = [sys.executable, "-m", "delivery.drill", *words]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        eventually(lambda: cluster.find(f"api/v1/namespaces/drill-{NAME}"))
        assert cluster.find(f"{lease.LEASES}/{scope.CRON_JOB}")
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    problem, verdict = said.splitlines()
    assert problem == "The drill was ended: it was told to end (SIGTERM)."
    assert verdict.startswith(f"FAILED: backup {newest}, ")
    dimensions = [{"Name": DIMENSION, "Value": "ended"}]
    assert dev.client("cloudwatch").list_metrics(Dimensions=dimensions)["Metrics"]
    events = cluster.items(f"api/v1/namespaces/{velero.NAMESPACE}/events")
    assert any(problem in event["message"] for event in events)
    assert cluster.find(f"api/v1/namespaces/drill-{NAME}") is None
    assert cluster.find(f"{lease.LEASES}/{scope.CRON_JOB}") is None
    restores = cluster.items(f"{velero.GROUP}/restores")
    assert not [one for one in restores if one["metadata"]["name"].startswith("drill-")]
    # Velero takes no restore while it tries to write the end of one that is gone.
    monkeypatch.setattr("delivery.drill._RESTORE_SECONDS", 60.0)
    assert drill().problems == []


def test_of_two_drills_the_second_leaves_the_first_alone(
    cluster: Cluster, newest: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--environment", "second", "--namespace", NAME, "--no-data"]
    space = f"api/v1/namespaces/drill-{NAME}"
    cluster.create("api/v1/namespaces", {"metadata": {"name": f"drill-{NAME}"}})
    with lease.held(cluster, scope.CRON_JOB, holder="somebody", seconds=600):
        assert main(words) == 1
        said = capsys.readouterr().out
        assert said.startswith("FAILED: another drill goes on: somebody has been at it since ")
        assert "deletionTimestamp" not in cluster.get(space)["metadata"]
    assert main(words) == 0
    # One that was killed holds it no longer than it could have taken.
    with lease.held(cluster, scope.CRON_JOB, holder="somebody", seconds=1):
        time.sleep(1.1)
        assert main(words) == 0


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
    left_out = {"metadata": meta("three", labels={"left-out": "true"})}
    cluster.create(f"{SPACE}/configmaps", left_out)
    for suffix, wanted, said in (
        ("lacking", {"labelSelector": some}, f"lacks configmaps {NAME}/three, which was there"),
        (
            "without",
            {"includedResources": ["configmaps"]},
            f"lacks deployments.apps {NAME}/one, which was there",
        ),
        ("empty", {"includedResources": ["leases"]}, f"is empty: it holds nothing of {NAME}."),
    ):
        name = f"{suffix}-{velero.stamp()}"
        # Between two times that Kubernetes writes, which are whole seconds.
        time.sleep(1.1)
        velero.run(cluster, "Backup", name, {**spec, **wanted}, seconds=60)
        assert [one for one in drill().problems if f"The backup {name} {said}" in one]
        forget(cluster, name)
    cluster.delete(f"{SPACE}/configmaps/three")


def test_a_backup_that_is_too_old_or_has_expired_is_told(
    drill: Callable[..., Verdict], newest: str
) -> None:
    (problem,) = drill(now=datetime.now(UTC) + timedelta(hours=3)).problems
    assert problem == f"The newest backup, {newest}, is 3 h old; it may be 1."
    (problem,) = drill(now=datetime.now(UTC) + timedelta(days=100)).problems
    assert f"has expired, the last, {newest}, at 2" in problem


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
