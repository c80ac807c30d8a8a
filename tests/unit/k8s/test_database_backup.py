"""When the database is backed up, and that it can be."""

import re

import pytest

from tests.unit.k8s.database import Manifest, backup, chart, one, settings


@pytest.fixture(scope="module")
def objects() -> list[Manifest]:
    return chart()


@pytest.fixture(scope="module")
def backups() -> list[Manifest]:
    return backup()


def test_the_archive_is_reached_by_web_identity(objects: list[Manifest]) -> None:
    lines = one(objects, "ConfigMap")["data"]["pgbackrest.conf"].splitlines()
    assert {"repo1-type=s3", "repo1-s3-key-type=web-id", "repo1-retention-full=5"} <= set(lines)
    assert not any("s3-key=" in line for line in lines)
    annotations = one(objects, "ServiceAccount")["metadata"]["annotations"]
    assert annotations == {"eks.amazonaws.com/role-arn": "arn:of:role"}
    parameters = settings(objects)["postgresql"]["parameters"]
    assert parameters["archive_mode"] == "on"
    assert "archive-push" in parameters["archive_command"]


def test_backups_follow_their_schedules_one_at_a_time(backups: list[Manifest]) -> None:
    found = {item["metadata"]["name"]: item["spec"] for item in backups}
    assert {name: spec["schedule"] for name, spec in found.items()} == {
        "database-backup-full": "30 1 * * 0",
        "database-backup-diff": "30 1 * * 1-6",
    }
    for spec in found.values():
        assert (spec["concurrencyPolicy"], spec["timeZone"]) == ("Forbid", "Etc/UTC")
        job = spec["jobTemplate"]["spec"]
        assert job["activeDeadlineSeconds"] == 6 * 3600
        assert job["template"]["spec"]["restartPolicy"] == "Never"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"full": "weekly"}, "full is 'weekly'; it must be a cron schedule of five fields"),
        ({"differential": "0 24 * * *"}, "its hour '24' must be *, or numbers from 0 to 23"),
        ({"image": "registry.example/database:latest"}, "a digest or a tag other than 'latest'"),
    ],
)
def test_what_would_never_run_is_refused(changes: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=f"^database/database-backup: .*{re.escape(message)}"):
        backup(**changes)
