"""What looks for late backups may read those, publish how late they are, and do nothing else."""

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from delivery import freshness, report, velero
from delivery.cluster import Cluster, ClusterError, connect
from k8s.backup_freshness import NAME
from local.paths import ROOT
from tests.local.machine import Machine
from tests.local_backup.pods import Identity, identity

FORBIDDEN = r"is forbidden: User .*:backup-freshness"


@pytest.fixture(scope="module")
def who(dev: Machine, tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return identity(dev, NAME, tmp_path_factory.mktemp(NAME))


@pytest.fixture(scope="module")
def account(who: Identity) -> Iterator[Cluster]:
    """The cluster as its account sees it."""
    with connect(who.kubeconfig) as found:
        yield found


def _run(dev: Machine, who: Identity, *words: str) -> subprocess.CompletedProcess[str]:
    """Run what the CronJob's pod does, and these words, as who it is in the cluster and in AWS."""
    cron = dev.kubectl("get", "cronjob", NAME, "-n", velero.NAMESPACE, "-o", "json")
    pod = cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    _, *command = container["command"]
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.run(
        [sys.executable, *command, *container["args"], *words],
        cwd=ROOT,
        env={
            **env,
            **{one["name"]: one["value"] for one in container["env"]},
            "AWS_ENDPOINT_URL": dev.target.endpoint,
            "KUBECONFIG": str(who.kubeconfig),
            **who.env(str(who.eks)),
        },
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_what_its_pod_runs_publishes_how_late_backups_are(
    dev: Machine, cluster: Cluster, who: Identity
) -> None:
    # Of a cluster that has just been made.
    done = _run(dev, who)
    assert done.returncode == 0, done.stdout + done.stderr
    hourly, daily = done.stdout.splitlines()
    assert (hourly.split()[0], daily.split()[0]) == ("hourly:", "daily:")
    dimensions = [{"Name": report.DIMENSION, "Value": "dev"}]
    found = dev.client("cloudwatch").list_metrics(
        Namespace=freshness.METRIC_NAMESPACE, Dimensions=dimensions
    )["Metrics"]
    assert [metric["MetricName"] for metric in found] == [freshness.METRIC]


def test_of_a_schedule_that_is_not_there_nothing_is_published(dev: Machine, who: Identity) -> None:
    done = _run(dev, who, "--environment=nowhere", "--schedule=weekly=168")
    assert done.returncode == 1
    assert done.stdout.startswith("FAILED: how late backups are can't be told or published: ")
    assert "weekly" in done.stdout
    dimensions = [{"Name": report.DIMENSION, "Value": "nowhere"}]
    assert dev.client("cloudwatch").list_metrics(Dimensions=dimensions)["Metrics"] == []


@pytest.mark.parametrize(
    "path",
    [
        f"{velero.GROUP}/restores",
        f"{velero.GROUP}/schedules",
        "api/v1/namespaces/velero/secrets",
        "api/v1/namespaces/velero/configmaps",
        "api/v1/namespaces/web/pods",
        "api/v1/namespaces",
    ],
)
def test_its_account_reads_nothing_else(account: Cluster, path: str) -> None:
    assert account.items(f"{velero.GROUP}/backups") is not None
    with pytest.raises(ClusterError, match=FORBIDDEN):
        account.items(path)


def test_its_account_changes_nothing(account: Cluster) -> None:
    for kind, group in (("Backup", "backups"), ("Restore", "restores"), ("Schedule", "schedules")):
        body = {"apiVersion": "velero.io/v1", "kind": kind, "metadata": {"name": "one"}, "spec": {}}
        with pytest.raises(ClusterError, match=FORBIDDEN):
            account.create(f"{velero.GROUP}/{group}?dryRun=All", body)
    with pytest.raises(ClusterError, match=FORBIDDEN):
        account.delete(f"{velero.GROUP}/schedules/daily?dryRun=All")


def test_its_role_publishes_no_drill_and_reads_no_backup(
    dev: Machine, cluster: Cluster, who: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = velero.location(cluster)["spec"]["objectStorage"]["bucket"]
    session = _session(who, monkeypatch)

    def client(service: Any) -> Any:
        region = dev.target.environment.region
        return session.client(service, region_name=region, endpoint_url=dev.target.endpoint)

    cloudwatch, s3 = client("cloudwatch"), client("s3")
    data = [{"MetricName": freshness.METRIC, "Value": 0.0}]
    cloudwatch.put_metric_data(Namespace=freshness.METRIC_NAMESPACE, MetricData=data)
    for call, words in (
        (cloudwatch.put_metric_data, {"Namespace": report.METRIC_NAMESPACE, "MetricData": data}),
        (cloudwatch.describe_alarms, {}),
        (s3.list_objects_v2, {"Bucket": bucket, "Prefix": "velero/"}),
        (s3.put_object, {"Bucket": bucket, "Key": "drills/one", "Body": b""}),
    ):
        with pytest.raises(ClientError, match=r"AccessDenied|Forbidden|403"):
            call(**words)


def _session(who: Identity, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a session with the credentials that EKS gives its pods."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in who.env(str(who.eks)).items():
        monkeypatch.setenv(name, value)
    return boto3.Session()
