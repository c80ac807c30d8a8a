"""The drill and the look for late backups as their CronJobs run them: image, rights, role in AWS.

What stands in place of a kubelet and of EKS is told by tests/image/container.py, and here: which
token is where, and the address of the credentials.
"""

import json
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from delivery import freshness, report, velero
from delivery.backup import backup
from delivery.cluster import Cluster
from delivery.data import MANIFEST, dump
from delivery.postgres import temporary
from k8s.backup_freshness import NAME as FRESHNESS
from k8s.restore_drill import NAME
from local import access
from local.paths import cache
from tests.image.container import Mount
from tests.image.images import Image, Images, lacking
from tests.image.pod import ACCOUNT, EKS, scheduled
from tests.local.machine import Machine
from tests.local_backup.pods import identity

Run = Callable[[str], tuple[int, str]]


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    if reason := lacking():
        (pytest.fail if "REQUIRE_IMAGES" in os.environ else pytest.skip)(reason)
    made = Images(cache() / "image-test").drill()
    yield made
    made.close()


@pytest.fixture
def run(dev: Machine, image: Image, tmp_path: Path) -> Run:
    """Run the pod of a CronJob to its end; return its exit code and what it said."""
    config = json.loads(access.kubeconfig(dev.state, dev.target).read_text())
    server = urlsplit(config["clusters"][0]["cluster"]["server"])

    def run(name: str) -> tuple[int, str]:
        cron = dev.kubectl("get", "cronjob", name, "-n", velero.NAMESPACE, "-o", "json")
        folder = tmp_path / f"{name}-{uuid.uuid4()}"
        folder.mkdir()
        who = identity(dev, name, folder)
        mounts = [Mount(ACCOUNT, who.account, read_only=True), Mount(EKS, who.eks, read_only=True)]
        env = {
            "KUBERNETES_SERVICE_HOST": str(server.hostname),
            "KUBERNETES_SERVICE_PORT": str(server.port),
            "AWS_ENDPOINT_URL": dev.target.endpoint,
            **who.env(),
        }
        log = folder / "log"
        with scheduled(image, cron, env=env, mounts=mounts, output=log) as container:
            code = container.process.wait(120)
        return code, log.read_text()

    return run


def test_its_pod_proves_objects_and_rows_and_names_a_row_that_was_altered(
    dev: Machine, cluster: Cluster, run: Run
) -> None:
    s3 = dev.client("s3")
    bucket = velero.location(cluster)["spec"]["objectStorage"]["bucket"]
    backup(cluster, f"image-{velero.stamp()}", ["web", "database"], keep_hours=1)
    with temporary() as (server,):
        url = server.create_database("app")
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE notes AS SELECT n FROM generate_series(1, 1000) n")
        first, _ = dump(url, s3, bucket)
        code, said = run(NAME)
        assert code == 0, said
        assert " 1000 rows, " in said
        with psycopg.connect(url) as connection:
            connection.execute("UPDATE notes SET n = 0 WHERE n = 7")
        second, _ = dump(url, s3, bucket)
    whole = s3.get_object(Bucket=bucket, Key=f"{first}{MANIFEST}")["Body"].read()
    s3.put_object(Bucket=bucket, Key=f"{second}{MANIFEST}", Body=whole)
    code, said = run(NAME)
    assert code == 1
    problem, verdict = said.splitlines()
    assert problem == (
        f"Table public.notes of {second} has rows with other values than when it was dumped."
    )
    assert verdict.startswith("FAILED: backup image-")
    events = cluster.items(f"api/v1/namespaces/{velero.NAMESPACE}/events")
    assert any(problem in event["message"] for event in events)
    points = dev.client("cloudwatch").list_metrics(MetricName=report.METRIC)["Metrics"]
    assert [{"Name": "Environment", "Value": "dev"}] in [point["Dimensions"] for point in points]


def test_the_pod_that_looks_for_late_backups_publishes_how_late_they_are(
    dev: Machine, run: Run
) -> None:
    code, said = run(FRESHNESS)
    assert code == 0, said
    assert [line.partition(":")[0] for line in said.splitlines()] == ["hourly", "daily"]
    points = dev.client("cloudwatch").list_metrics(Namespace=freshness.METRIC_NAMESPACE)["Metrics"]
    found = [(point["MetricName"], point["Dimensions"]) for point in points]
    assert (freshness.METRIC, [{"Name": report.DIMENSION, "Value": "dev"}]) in found
