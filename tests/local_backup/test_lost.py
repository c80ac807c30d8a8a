"""A cluster that is lost, and a region: a second cluster gets back what the bucket holds."""

import json
import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest

from delivery import contents, location, velero
from delivery.backup import backup
from delivery.cluster import Cluster
from delivery.comparison import apart, compared
from delivery.restore import CHANGES, EXCLUDED, restore
from delivery.restored import SKIPPED
from local.paths import ROOT
from tests.local.machine import Machine, eventually
from tests.local_backup.again import Again
from tests.local_backup.storage import DELETIONS, ask_to_delete, role

SPACES = {"web": "web", "database": "database"}
LOCATIONS = f"{velero.GROUP}/backupstoragelocations"
ELSEWHERE = "eu-west-1"
# Restored all the same, or made anew by controllers.
_ANEW = {
    *SKIPPED,
    *EXCLUDED,
} - {"ingresses.networking.k8s.io", "persistentvolumeclaims", "poddisruptionbudgets.policy"}


@pytest.fixture(scope="module")
def kept(cluster: Cluster) -> str:
    """A backup of dev's workloads."""
    name = f"lost-{velero.stamp()}"
    backup(cluster, name, list(SPACES), keep_hours=1)
    return name


@pytest.fixture(scope="module")
def again(dev: Machine, kept: str) -> Iterator[Again]:
    stacks = Again(dev)
    yield stacks
    # Restores that are still there keep none of them.
    stacks.delete()


@pytest.fixture(scope="module")
def new(again: Again) -> Iterator[Cluster]:
    """A cluster that has been deployed up to Platform."""
    with again.platform() as cluster:
        yield cluster


def test_workloads_are_deployed_over_what_was_restored(
    dev: Machine, new: Cluster, again: Again, kept: str
) -> None:
    (line,) = (one for one in _documented("console").splitlines() if "accessMode" in one)
    # Velero reads the bucket all the same, and nothing is written beside what is restored from.
    again.patch("default", json.loads(shlex.split(line)[-1])["spec"])
    again.look("default")
    eventually(lambda: new.find(f"{velero.GROUP}/backups/{kept}"))
    restore(new, f"all-{velero.stamp()}", backup=kept, namespaces=SPACES)
    location = new.get(f"{LOCATIONS}/default")
    wanted = compared(contents.read(dev.client("s3"), location, kept), SPACES, without=_ANEW)
    assert {key.resource for key in wanted} >= {
        "deployments.apps",
        "ingresses.networking.k8s.io",
        "persistentvolumeclaims",
        "statefulsets.apps",
    }
    assert list(apart(new, wanted, SPACES, CHANGES)) == []
    before = _identities(new)
    assert "persistentvolumeclaims data-database-0" in before
    again.workloads()
    assert _identities(new).items() >= before.items()
    assert new.get(f"{LOCATIONS}/default")["spec"]["accessMode"] == "ReadOnly"


def _identities(cluster: Cluster) -> dict[str, str]:
    """Return the uids of the objects that a deploy must take as they are."""
    kinds = [
        *(("api/v1", kind) for kind in ("persistentvolumeclaims", "services", "configmaps")),
        *(("apis/apps/v1", kind) for kind in ("deployments", "statefulsets")),
        ("apis/networking.k8s.io/v1", "ingresses"),
    ]
    return {
        f"{kind} {item['metadata']['name']}": item["metadata"]["uid"]
        for group, kind in kinds
        for namespace in SPACES
        for item in cluster.items(f"{group}/namespaces/{namespace}/{kind}")
    }


@pytest.fixture
def copied(dev: Machine, cluster: Cluster, new: Cluster, kept: str) -> Iterator[str]:
    """A copy of the bucket in another region, once the first bucket is gone with its own."""
    default = new.get(f"{LOCATIONS}/default")
    source = default["spec"]["objectStorage"]["bucket"]
    bucket = f"{source[:40]}-{ELSEWHERE}"
    here, s3 = dev.client("s3"), _s3(dev)
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": ELSEWHERE})
    for key in _objects(here, source):
        body = here.get_object(Bucket=source, Key=key)["Body"].read()
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    policy = (
        _documented("json").replace("ROLE_ARN", role(dev, "again")["Arn"]).replace("COPY", bucket)
    )
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    new.delete(f"{LOCATIONS}/default")
    for found in new.items(f"{velero.GROUP}/backups"):
        new.delete(f"{velero.GROUP}/backups/{found['metadata']['name']}")
    yield bucket
    new.delete(f"{LOCATIONS}/{location.NAME}")
    metadata = {"name": "default", "namespace": velero.NAMESPACE}
    new.create(LOCATIONS, {**default, "metadata": metadata, "status": {}})
    for key in _objects(s3, bucket):
        s3.delete_object(Bucket=bucket, Key=key)
    s3.delete_bucket(Bucket=bucket)


def test_a_copy_in_another_region_is_restored_from_and_never_written_to(
    dev: Machine,
    new: Cluster,
    again: Again,
    kept: str,
    copied: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = _kept(dev, copied)
    monkeypatch.setenv("KUBECONFIG", str(again.kubeconfig))
    (line,) = (one for one in _documented("console").splitlines() if "delivery.location" in one)
    _, _, module, *words = shlex.split(line.replace("COPY", copied).replace("REGION", ELSEWHERE))
    assert module == "delivery.location"
    assert location.main(words) == 0
    again.look(location.NAME)
    eventually(lambda: new.find(f"{velero.GROUP}/backups/{kept}"))
    spaces = {"web": f"web-{velero.stamp()}"}
    restore(new, f"copy-{velero.stamp()}", backup=kept, namespaces=spaces)
    held = contents.read(_s3(dev), new.get(f"{LOCATIONS}/{location.NAME}"), kept)
    wanted = compared(held, spaces, without=_ANEW)
    assert {key.resource for key in wanted} >= {
        "deployments.apps",
        "ingresses.networking.k8s.io",
        "services",
    }
    assert list(apart(new, wanted, spaces, CHANGES)) == []

    spec = {"includedNamespaces": ["web"], "storageLocation": location.NAME}
    made = velero.run(new, "Backup", f"none-{velero.stamp()}", spec, seconds=60)
    (said,) = velero.problems(new, made)
    assert "is FailedValidation" in said
    assert "read-only mode" in said
    ask_to_delete(new, kept)

    def refused() -> bool:
        status = new.get(f"{DELETIONS}/{kept}").get("status", {})
        return "read-only" in " ".join(status.get("errors", []))

    eventually(refused)
    assert _kept(dev, copied) == before


def test_a_copy_that_may_not_be_read_is_told_and_not_kept(
    dev: Machine,
    new: Cluster,
    again: Again,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(again.kubeconfig))
    region = ["--region", dev.target.environment.region]
    words = ["--name", "nowhere", "--bucket", "no-such-bucket", *region]
    assert location.main(words) == 1
    said = capsys.readouterr().out
    assert re.match(r"FAILED: The storage location 'nowhere' \(bucket no-such-bucket\) is un", said)
    assert new.find(f"{LOCATIONS}/nowhere") is None
    words = ["--name", "default", "--bucket", "other", *region]
    assert location.main(words) == 1
    assert "There is a storage location 'default' (bucket " in capsys.readouterr().out


def _documented(kind: str) -> str:
    """Return the blocks of code of a kind in docs/restore.md."""
    text = (ROOT / "docs" / "restore.md").read_text()
    return "".join(re.findall(rf"^ *```{kind}\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL))


def _s3(dev: Machine) -> Any:
    return dev.session.client("s3", region_name=ELSEWHERE, endpoint_url=dev.target.endpoint)


def _objects(s3: Any, bucket: str) -> dict[str, str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="velero/")
    return {item["Key"]: item["ETag"] for page in pages for item in page.get("Contents", [])}


def _kept(dev: Machine, bucket: str) -> dict[str, str]:
    """Return all objects but what Velero writes of restores, which is where their backup is."""
    found = _objects(_s3(dev), bucket)
    return {key: tag for key, tag in found.items() if not key.startswith("velero/restores/")}
