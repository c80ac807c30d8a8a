"""The restore drill as its CronJob runs it: its image, its account's rights, its role in AWS.

What stands in place of a kubelet and of EKS is told by tests/image/container.py, and here: which
token is where, and the address of the credentials.
"""

import json
import os
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from delivery import velero
from delivery.backup import backup
from delivery.cluster import Cluster
from delivery.data import MANIFEST, dump
from delivery.postgres import temporary
from delivery.report import METRIC
from k8s.restore_drill import NAME
from local import access, processes
from local.paths import cache
from tests.image.container import Mount
from tests.image.images import Image, Images, lacking
from tests.image.pod import ACCOUNT, EKS, scheduled
from tests.local.machine import Machine

PODS = "pods.eks.amazonaws.com"


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    if reason := lacking():
        (pytest.fail if "REQUIRE_IMAGES" in os.environ else pytest.skip)(reason)
    made = Images(cache() / "image-test").drill()
    yield made
    made.close()


@pytest.fixture
def run(dev: Machine, image: Image, tmp_path: Path) -> Callable[[], tuple[int, str]]:
    """Run the drill's pod to its end; return its exit code and what it said."""
    cron = dev.kubectl("get", "cronjob", NAME, "-n", velero.NAMESPACE, "-o", "json")
    create = ("create", "token", NAME, "-n", velero.NAMESPACE)
    account, eks = tmp_path / "account", tmp_path / "eks"
    config = json.loads(access.kubeconfig(dev.state, dev.target).read_text())
    cluster = config["clusters"][0]["cluster"]
    account.mkdir()
    (account / "token").write_text(dev.kubectl(*create).strip())
    (account / "namespace").write_text(velero.NAMESPACE)
    (account / "ca.crt").write_bytes(b64decode(cluster["certificate-authority-data"]))
    eks.mkdir()
    (eks / "token").write_text(dev.kubectl(*create, f"--audience={PODS}").strip())
    server = urlsplit(cluster["server"])
    env = {
        "KUBERNETES_SERVICE_HOST": str(server.hostname),
        "KUBERNETES_SERVICE_PORT": str(server.port),
        "AWS_ENDPOINT_URL": dev.target.endpoint,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": f"{EKS}/token",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": _agent(dev),
    }
    mounts = [Mount(ACCOUNT, account, read_only=True), Mount(EKS, eks, read_only=True)]

    def run() -> tuple[int, str]:
        log = tmp_path / "log"
        log.unlink(missing_ok=True)
        with scheduled(image, cron, env=env, mounts=mounts, output=log) as container:
            code = container.process.wait(120)
        return code, log.read_text()

    return run


def _agent(dev: Machine) -> str:
    """Where Velero's process, which has an identity of the same kind, gets its credentials."""
    (pid_file,) = dev.state.clusters.glob("*/run/velero-velero.controller.pid")
    variables = Path(f"/proc/{processes.running(pid_file)}/environ").read_text().split("\0")
    name = "AWS_CONTAINER_CREDENTIALS_FULL_URI="
    return next(one.removeprefix(name) for one in variables if one.startswith(name))


def test_its_pod_proves_objects_and_rows_and_names_a_row_that_was_altered(
    dev: Machine, cluster: Cluster, run: Callable[[], tuple[int, str]]
) -> None:
    s3 = dev.client("s3")
    bucket = velero.location(cluster)["spec"]["objectStorage"]["bucket"]
    backup(cluster, f"image-{velero.stamp()}", ["web", "database"], keep_hours=1)
    with temporary() as (server,):
        url = server.create_database("app")
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE notes AS SELECT n FROM generate_series(1, 1000) n")
        first, _ = dump(url, s3, bucket)
        code, said = run()
        assert code == 0, said
        assert " 1000 rows, " in said
        with psycopg.connect(url) as connection:
            connection.execute("UPDATE notes SET n = 0 WHERE n = 7")
        second, _ = dump(url, s3, bucket)
    whole = s3.get_object(Bucket=bucket, Key=f"{first}{MANIFEST}")["Body"].read()
    s3.put_object(Bucket=bucket, Key=f"{second}{MANIFEST}", Body=whole)
    code, said = run()
    assert code == 1
    problem, verdict = said.splitlines()
    assert problem == (
        f"Table public.notes of {second} has rows with other values than when it was dumped."
    )
    assert verdict.startswith("FAILED: backup image-")
    events = cluster.items(f"api/v1/namespaces/{velero.NAMESPACE}/events")
    assert any(problem in event["message"] for event in events)
    points = dev.client("cloudwatch").list_metrics(MetricName=METRIC)["Metrics"]
    assert [{"Name": "Environment", "Value": "dev"}] in [point["Dimensions"] for point in points]
