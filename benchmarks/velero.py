"""How long Velero takes for many objects, and how many of them come back as they were."""

import base64
import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.measure import Figure
from delivery import contents
from delivery.backup import backup
from delivery.cluster import Cluster, Object, wait_for
from delivery.restore import restore
from local.paths import cache
from local.tools import build
from tests.local_aws.clusters import BASE
from tests.local_aws.clusters import Cluster as Standing
from tests.local_aws.conftest import serving
from tests.local_aws.support import ACCOUNT, Account
from tests.local_aws.velero import installed

OBJECTS = 2000
NAME = "many"
_SPACE = f"api/v1/namespaces/{NAME}"
_SECONDS = 600.0


def velero() -> Iterator[Figure]:
    """Yield the times of a backup and a restore, and the share of objects that are equal after."""
    tools = build.ensure(cache(), print)
    with (
        tempfile.TemporaryDirectory() as folder,
        _path(tools),
        serving(Path(folder), Path(folder)) as server,
    ):
        server.tools.symlink_to(tools)
        account = Account(server, ACCOUNT)
        with account.stack(BASE) as stack:
            standing = Standing(account, stack, account.resource(stack, "Cluster"))
            account.client("s3").create_bucket(
                Bucket="backups",
                CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
            )
            with installed(standing, tools, _identity(account)) as running:
                running.look_at("backups")
                yield from _measure(running.api)


def _measure(cluster: Cluster) -> Iterator[Figure]:
    cluster.create("api/v1/namespaces", {"metadata": {"name": NAME}})
    for number in range(OBJECTS // 2):
        metadata = {"name": f"one-{number}"}
        # A kilobyte each, of another value.
        value = hashlib.sha256(str(number).encode()).hexdigest() * 16
        secret = base64.b64encode(value.encode()).decode()
        for kind, data in (("configmaps", value), ("secrets", secret)):
            cluster.create(f"{_SPACE}/{kind}", {"metadata": metadata, "data": {"value": data}})
    before = _comparable(cluster)
    began = time.monotonic()
    backup(cluster, "many", [NAME])
    yield Figure(f"{len(before)} objects backed up", time.monotonic() - began, 120, "s")
    cluster.delete(_SPACE)
    wait_for("the namespace is gone", lambda: cluster.find(_SPACE) is None, seconds=_SECONDS)
    began = time.monotonic()
    restore(cluster, "many", backup="many", namespaces={NAME: NAME})
    yield Figure("  restored, their namespace deleted", time.monotonic() - began, 300, "s")
    after = _comparable(cluster)
    equal = sum(after.get(path) == item for path, item in before.items())
    yield Figure("  equal after that", 100 * equal / len(before), 100, "%", at_least=True)


def _comparable(cluster: Cluster) -> Mapping[str, Object]:
    """Return what was said of each object, by its kind and name."""
    return {
        f"{kind}/{item['metadata']['name']}": contents.comparable(item)
        for kind in ("configmaps", "secrets")
        for item in cluster.items(f"{_SPACE}/{kind}")
        if item["metadata"]["name"].startswith("one-")
    }


def _identity(account: Account) -> Any:
    """Return a Pod Identity of a user that may use the bucket."""
    iam = account.client("iam")
    iam.create_user(UserName="velero")
    iam.attach_user_policy(
        UserName="velero", PolicyArn="arn:aws:iam::aws:policy/AmazonS3FullAccess"
    )
    key = iam.create_access_key(UserName="velero")["AccessKey"]
    given = {"AccessKeyId": key["AccessKeyId"], "SecretAccessKey": key["SecretAccessKey"]}
    forever = {**given, "Token": "", "Expiration": "2099-01-01T00:00:00Z"}
    return lambda _namespace, service_account: forever if service_account == "velero" else None


@contextlib.contextmanager
def _path(folder: Path) -> Iterator[None]:
    """Find kubectl in a folder."""
    before = os.environ.get("PATH", os.defpath)
    os.environ["PATH"] = f"{folder}{os.pathsep}{before}"
    try:
        yield
    finally:
        os.environ["PATH"] = before
