"""Backups by the real Velero, and restores of them."""

import json
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from delivery import contents, velero
from delivery.backup import backup
from delivery.cluster import Cluster, ClusterError, Object, connect
from delivery.comparison import apart, compared
from delivery.report import Verdict
from delivery.restore import CHANGES, ELECTION, main, restore
from delivery.restored import SKIPPED
from local import processes
from tests.local.machine import Machine, eventually
from tests.local_backup.drilled import NAME, SPACE, remove
from tests.local_backup.storage import LOCATION, forget, patch, phase, role


def test_a_namespace_that_is_lost_comes_back_object_by_object(
    dev: Machine, cluster: Cluster, held: dict[str, Object], newest: str
) -> None:
    before = contents.read(dev.client("s3"), cluster.get(LOCATION), newest)
    remove(cluster, NAME)
    restore(cluster, f"back-{velero.stamp()}", backup=newest, namespaces={NAME: NAME})
    # What runs has been made anew by then.
    wanted = compared(before, [NAME], without=SKIPPED)
    assert len(wanted) >= len(held)
    assert list(apart(cluster, wanted, {NAME: NAME}, CHANGES)) == []
    # Of an election nothing is left, so that members hold one.
    for name in ELECTION.names:
        assert "annotations" not in cluster.get(f"{SPACE}/configmaps/{name}")["metadata"]
    assert not [
        item
        for item in cluster.items("api/v1/namespaces/velero/configmaps")
        if item["metadata"]["name"].startswith("back-")
    ]


def test_what_is_there_stays_as_it_is(cluster: Cluster, newest: str) -> None:
    path = f"{SPACE}/configmaps"
    cluster.delete(f"{path}/one")
    cluster.create(path, {"metadata": {"name": "one"}, "data": {"a": "since"}})
    cluster.delete(f"{path}/two")
    again = f"again-{velero.stamp()}"
    restore(cluster, again, backup=newest, namespaces={NAME: NAME}, existing=True)
    assert cluster.get(f"{path}/two")["data"] == {"b": "2"}
    assert cluster.get(f"{path}/one")["data"] == {"a": "since"}
    # Nor is it an error that all of it is there.
    assert main(["--from", newest, "--namespace", NAME, "--existing"]) == 0


def test_what_a_backup_of_all_namespaces_lacks_is_told(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = {"includedNamespaces": ["*"], "storageLocation": "default", "ttl": "1h"}
    name = f"everything-{velero.stamp()}"
    velero.run(cluster, "Backup", name, {**spec, "includedResources": ["leases"]}, seconds=60)
    assert main(["--from", name, "--namespace", "nowhere"]) == 1
    said = capsys.readouterr().out
    assert said == f"FAILED: The backup {name} holds nothing of the namespace 'nowhere'.\n"
    assert cluster.find("api/v1/namespaces/nowhere") is None
    forget(cluster, name)


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


def test_a_wrong_bucket_is_named(
    dev: Machine, cluster: Cluster, drill: Callable[[], Verdict]
) -> None:
    bucket = cluster.get(LOCATION)["spec"]["objectStorage"]["bucket"]
    patch(dev, {"objectStorage": {"bucket": "no-such-bucket"}})
    try:
        eventually(lambda: phase(cluster) == "Unavailable")
        (problem,) = drill().problems
        assert "'default' (bucket no-such-bucket) is unavailable: " in problem
        # Whose bucket it is, or whether it is there, isn't told to who has no right to know.
        assert "AccessDenied" in problem
    finally:
        patch(dev, {"objectStorage": {"bucket": bucket}})
    eventually(lambda: phase(cluster) == "Available")


def test_without_permission_nothing_is_backed_up_and_the_next_one_is_whole(
    dev: Machine, cluster: Cluster, drill: Callable[[], Verdict]
) -> None:
    iam = dev.client("iam")
    name = role(dev, "dev")["RoleName"]
    whole = iam.get_role_policy(RoleName=name, PolicyName="Backups")["PolicyDocument"]
    less = json.dumps(whole).replace('"s3:ListBucket"', '"s3:GetBucketTagging"')
    iam.put_role_policy(RoleName=name, PolicyName="Backups", PolicyDocument=less)
    try:
        eventually(lambda: phase(cluster) == "Unavailable")
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
        iam.put_role_policy(RoleName=name, PolicyName="Backups", PolicyDocument=json.dumps(whole))
    eventually(lambda: phase(cluster) == "Available")
    backup(cluster, f"next-{velero.stamp()}", [NAME], keep_hours=1)


def test_a_restore_that_is_killed_half_way_is_repeated(dev: Machine, cluster: Cluster) -> None:
    name, count = "many", 150
    path = f"api/v1/namespaces/{name}/configmaps"
    remove(cluster, name)
    cluster.create("api/v1/namespaces", {"metadata": {"name": name}})
    for number in range(count):
        cluster.create(path, {"metadata": {"name": f"one-{number}"}, "data": {"n": f"{number}"}})
    kept = f"many-{velero.stamp()}"
    backup(cluster, kept, [name], keep_hours=1)
    remove(cluster, name)
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
    remove(cluster, name)


def test_a_cluster_that_is_not_there_is_said_in_a_sentence(tmp_path: Any) -> None:
    with (
        pytest.raises(ClusterError, match=r"kubectl proxy doesn't start: .*nowhere"),
        connect(tmp_path / "nowhere"),
    ):
        pass
