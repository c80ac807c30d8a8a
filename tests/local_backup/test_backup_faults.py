"""What befalls a backup: S3 away, a bucket that denies, credentials that are refused."""

import json
import re
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from delivery import freshness, velero
from delivery.backup import main
from delivery.cluster import Cluster
from delivery.drill import Drill
from delivery.report import DIMENSION, Verdict, publish
from k8s import velero as velero_objects
from tests.local.machine import Machine, eventually
from tests.local_backup.storage import LOCATION, patch, phase, role
from tests.outage import Outage, outage

NAME = "in-trouble"
Command = Callable[[], tuple[int, str]]
States = Callable[..., list[str]]
DRILLS = ("restore-drill", "restore-drill-failed")
TOLD = "Successfully executed action"


@pytest.fixture(scope="module", autouse=True)
def namespace(cluster: Cluster) -> Iterator[None]:
    """A namespace of a few objects."""
    path = f"api/v1/namespaces/{NAME}"
    cluster.create("api/v1/namespaces", {"metadata": {"name": NAME}})
    for number in range(5):
        item = {"metadata": {"name": f"one-{number}"}, "data": {"n": str(number)}}
        cluster.create(f"{path}/configmaps", item)
    yield
    cluster.delete(path)


@pytest.fixture
def s3(dev: Machine, cluster: Cluster) -> Iterator[Outage]:
    """What stands between Velero and S3, and may fail."""
    with outage(dev.target.endpoint) as lent:
        patch(dev, {"config": {"s3Url": lent.url, "s3ForcePathStyle": "true"}})
        yield lent
        lent.end()
        patch(dev, {"config": {"s3Url": None, "s3ForcePathStyle": None}})
        eventually(lambda: phase(cluster) == "Available")


@pytest.fixture
def make_backup(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> Command:
    """What `make backup` runs, for the one namespace: its exit code and what it says."""

    def run() -> tuple[int, str]:
        code = main(["--namespace", NAME, "--keep-hours", "1"])
        return code, capsys.readouterr().out

    return run


def _drilled(dev: Machine, cluster: Cluster) -> Verdict:
    client = dev.client("s3")
    return Drill(cluster=cluster, s3=client, namespaces=[NAME], max_age_hours=1, data=False).run()


@pytest.fixture
def alarms(dev: Machine) -> Iterator[tuple[str, States]]:
    """Dev's alarms on backups and drills, for an environment of which nobody has said anything."""
    cloudwatch = dev.client("cloudwatch")
    environment = f"elsewhere-{uuid.uuid4()}"
    found = [
        alarm
        for alarm in cloudwatch.describe_alarms(AlarmNamePrefix="dev-")["MetricAlarms"]
        if alarm["AlarmName"].startswith(("dev-restore-drill", "dev-backup-late"))
    ]
    # What they were made with; the rest is of their states.
    members = cloudwatch.meta.service_model.operation_model("PutMetricAlarm").input_shape.members
    dimensions = [{"Name": DIMENSION, "Value": environment}]
    names = []
    for alarm in found:
        made = {name: value for name, value in alarm.items() if name in members}
        names.append(alarm["AlarmName"].replace("dev", environment, 1))
        cloudwatch.put_metric_alarm(**{**made, "AlarmName": names[-1], "Dimensions": dimensions})

    def states(*wanted: str) -> list[str]:
        shown = cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"]
        by_name = {alarm["AlarmName"]: alarm["StateValue"] for alarm in shown}
        return [by_name[f"{environment}-{name}"] for name in wanted]

    yield environment, states
    cloudwatch.delete_alarms(AlarmNames=names)


def _told(dev: Machine, alarm: str) -> str:
    """What an alarm did last."""
    history = dev.client("cloudwatch").describe_alarm_history(
        AlarmName=alarm, HistoryItemType="Action"
    )["AlarmHistoryItems"]
    return str(history[0]["HistorySummary"])


def test_a_drill_that_fails_wakes_somebody_although_one_has_passed(
    dev: Machine, cluster: Cluster, alarms: tuple[str, States]
) -> None:
    environment, states = alarms
    publish(Verdict(), cluster, environment)
    eventually(lambda: states(*DRILLS) == ["OK", "OK"])
    publish(Verdict(problems=["Something is missing."]), cluster, environment)
    eventually(lambda: states(*DRILLS) == ["OK", "ALARM"])
    assert TOLD in _told(dev, f"{environment}-restore-drill-failed")


def test_a_backup_that_s3_leaves_half_way_has_failed_and_the_next_is_whole(
    dev: Machine,
    cluster: Cluster,
    s3: Outage,
    make_backup: Command,
    alarms: tuple[str, States],
) -> None:
    assert make_backup()[0] == 0
    assert s3.written > 1
    s3.begin(after=1)
    code, said = make_backup()
    assert code == 1
    assert re.fullmatch(r"FAILED: Backup manual-\S+ is Failed: .*PutObject.* 503.*\n", said)
    # While it is away, who asks is told so at once, and a drill wakes somebody.
    eventually(lambda: phase(cluster) == "Unavailable")
    code, said = make_backup()
    assert code == 1
    assert re.match(r"FAILED: The storage location 'default' \(bucket \S+\) is unavail.* 503", said)
    environment, states = alarms
    publish(_drilled(dev, cluster), cluster, environment)
    eventually(lambda: states(*DRILLS) == ["ALARM", "ALARM"])
    assert TOLD in _told(dev, f"{environment}-restore-drill")
    s3.end()
    eventually(lambda: phase(cluster) == "Available")
    assert make_backup()[0] == 0
    verdict = _drilled(dev, cluster)
    assert verdict.problems == []
    publish(verdict, cluster, environment)
    eventually(lambda: states("restore-drill") == ["OK"])


@pytest.fixture
def schedule(cluster: Cluster) -> Iterator[str]:
    """A schedule that isn't due before the next year, whose backups are asked for by hand."""
    name = f"kept-{velero.stamp()}"
    item = velero_objects.Schedule(
        name=name,
        namespace=velero.NAMESPACE,
        cron="0 0 1 1 *",
        keep_days=1,
        namespaces=[NAME],
        snapshot_volumes=False,
        move_data=False,
    )
    cluster.create(f"{velero.GROUP}/schedules", item.manifest())
    yield name
    cluster.delete(f"{velero.GROUP}/schedules/{name}")


def _backed_up(cluster: Cluster, schedule: str) -> str:
    """Have a schedule make a backup, as `velero backup create --from-schedule` does; its phase."""
    name = f"{schedule}-{uuid.uuid4()}"
    metadata = {"name": name, "labels": {"velero.io/schedule-name": schedule}}
    spec = cluster.get(f"{velero.GROUP}/schedules/{schedule}")["spec"]["template"]
    body = {"apiVersion": "velero.io/v1", "kind": "Backup", "metadata": metadata, "spec": spec}
    cluster.create(f"{velero.GROUP}/backups", body)

    def status() -> dict[str, str]:
        found: dict[str, str] = cluster.get(f"{velero.GROUP}/backups/{name}").get("status", {})
        return found

    eventually(lambda: status().get("phase", "").endswith(("Completed", "Failed", "Validation")))
    return status()["phase"]


def test_backups_that_fail_one_after_another_wake_somebody_until_one_is_whole(
    dev: Machine, cluster: Cluster, s3: Outage, schedule: str, alarms: tuple[str, States]
) -> None:
    environment, states = alarms
    gaps = {schedule: 1}

    def look(hours: int = 0) -> str:
        now = datetime.now(UTC) + timedelta(hours=hours)
        (found,) = freshness.freshness(cluster, gaps, now)
        freshness.publish(found.overdue_hours, environment)
        return found.line()

    s3.begin(after=0)
    assert _backed_up(cluster, schedule).startswith("Failed")
    assert f"{schedule}: no backup is whole, and it is there for 3.0 h; due every 1 h" == look(3)
    eventually(lambda: states("backup-late") == ["ALARM"])
    assert TOLD in _told(dev, f"{environment}-backup-late")
    s3.end()
    eventually(lambda: phase(cluster) == "Available")
    assert _backed_up(cluster, schedule) == "Completed"
    assert f"{schedule}: the newest whole backup, {schedule}-" in look()
    eventually(lambda: states("backup-late") == ["OK"])
    s3.begin(after=0)
    assert _backed_up(cluster, schedule).startswith("Failed")
    assert " is 3.0 h old; due every 1 h" in look(3)


def test_a_bucket_that_denies_is_told_and_the_next_backup_is_whole(
    dev: Machine, cluster: Cluster, make_backup: Command
) -> None:
    client = dev.client("s3")
    bucket = cluster.get(LOCATION)["spec"]["objectStorage"]["bucket"]
    before = client.get_bucket_policy(Bucket=bucket)["Policy"]
    policy = json.loads(before)
    policy["Statement"].append(
        {
            "Effect": "Deny",
            "Principal": {"AWS": role(dev, "dev")["Arn"]},
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{bucket}/*",
        }
    )
    client.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    try:
        code, said = make_backup()
        assert code == 1
        assert re.match(r"FAILED: Backup manual-\S+ is Failed: .*PutObject.*AccessDenied", said)
    finally:
        client.put_bucket_policy(Bucket=bucket, Policy=before)
    assert make_backup()[0] == 0


def test_credentials_that_are_refused_are_told_and_asked_for_anew(
    dev: Machine, cluster: Cluster, make_backup: Command
) -> None:
    iam, refused = dev.client("iam"), role(dev, "dev")
    trust = refused["AssumeRolePolicyDocument"]
    nobody = {"Version": "2012-10-17", "Statement": [{**trust["Statement"][0], "Effect": "Deny"}]}
    iam.update_assume_role_policy(RoleName=refused["RoleName"], PolicyDocument=json.dumps(nobody))
    try:
        code, said = make_backup()
        assert code == 1
        assert re.match(r"FAILED: .*AccessDenied", said)
    finally:
        iam.update_assume_role_policy(
            RoleName=refused["RoleName"], PolicyDocument=json.dumps(trust)
        )
    eventually(lambda: phase(cluster) == "Available")
    assert make_backup()[0] == 0


def test_a_volume_that_gets_no_snapshot_is_told(cluster: Cluster) -> None:
    """Nothing here makes any, so that stage's and prod's schedules make backups as this one."""
    spec = {
        "includedNamespaces": ["database"],
        "storageLocation": "default",
        "ttl": "1h0m0s",
        "snapshotVolumes": True,
        "snapshotMoveData": True,
        "csiSnapshotTimeout": "5s",
    }
    name = f"volumes-{velero.stamp()}"
    made = velero.run(cluster, "Backup", name, spec, seconds=120)
    (said,) = velero.problems(cluster, made)
    assert f"Backup {name} is PartiallyFailed: " in said
    assert "data-database-0" in said
