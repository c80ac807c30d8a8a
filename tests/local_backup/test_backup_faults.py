"""What befalls a backup: S3 away, a bucket that denies, credentials that are refused."""

import json
import re
import uuid
from collections.abc import Callable, Iterator

import pytest

from delivery import velero
from delivery.backup import main
from delivery.cluster import Cluster
from delivery.drill import Drill
from delivery.report import DIMENSION, Verdict, publish
from tests.local.machine import Machine, eventually
from tests.local_backup.storage import LOCATION, patch, phase, role
from tests.outage import Outage, outage

NAME = "in-trouble"
Command = Callable[[], tuple[int, str]]


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
def alarms(dev: Machine) -> Iterator[tuple[str, Callable[[], list[str]]]]:
    """Dev's alarms on drills, for an environment in which none has run: late, and failed."""
    cloudwatch = dev.client("cloudwatch")
    environment = f"elsewhere-{uuid.uuid4()}"
    found = cloudwatch.describe_alarms(AlarmNamePrefix="dev-restore-drill")["MetricAlarms"]
    # What they were made with; the rest is of their states.
    members = cloudwatch.meta.service_model.operation_model("PutMetricAlarm").input_shape.members
    dimensions = [{"Name": DIMENSION, "Value": environment}]
    for alarm in found:
        made = {name: value for name, value in alarm.items() if name in members}
        name = alarm["AlarmName"].replace("dev", environment, 1)
        cloudwatch.put_metric_alarm(**{**made, "AlarmName": name, "Dimensions": dimensions})
    names = [f"{environment}-restore-drill", f"{environment}-restore-drill-failed"]

    def states() -> list[str]:
        shown = cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"]
        return [alarm["StateValue"] for alarm in sorted(shown, key=lambda a: a["AlarmName"])]

    yield environment, states
    cloudwatch.delete_alarms(AlarmNames=names)


def test_a_drill_that_fails_wakes_somebody_although_one_has_passed(
    dev: Machine, cluster: Cluster, alarms: tuple[str, Callable[[], list[str]]]
) -> None:
    environment, states = alarms
    publish(Verdict(), cluster, environment)
    eventually(lambda: states() == ["OK", "OK"])
    publish(Verdict(problems=["Something is missing."]), cluster, environment)
    eventually(lambda: states() == ["OK", "ALARM"])
    history = dev.client("cloudwatch").describe_alarm_history(
        AlarmName=f"{environment}-restore-drill-failed", HistoryItemType="Action"
    )["AlarmHistoryItems"]
    assert "Successfully executed action" in history[0]["HistorySummary"]


def test_a_backup_that_s3_leaves_half_way_has_failed_and_the_next_is_whole(
    dev: Machine,
    cluster: Cluster,
    s3: Outage,
    make_backup: Command,
    alarms: tuple[str, Callable[[], list[str]]],
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
    eventually(lambda: states() == ["ALARM", "ALARM"])
    history = dev.client("cloudwatch").describe_alarm_history(
        AlarmName=f"{environment}-restore-drill", HistoryItemType="Action"
    )["AlarmHistoryItems"]
    assert [item["HistorySummary"][:28] for item in history] == ["Successfully executed action"]
    s3.end()
    eventually(lambda: phase(cluster) == "Available")
    assert make_backup()[0] == 0
    verdict = _drilled(dev, cluster)
    assert verdict.problems == []
    publish(verdict, cluster, environment)
    eventually(lambda: states()[0] == "OK")


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
    """Nothing here makes any, so that backups of stage and prod end as this one."""
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
