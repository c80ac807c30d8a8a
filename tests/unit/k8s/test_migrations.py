"""The Job that brings the schema to a release."""

import pytest

from k8s.migrations import job_name
from tests.unit.k8s.database import migrations, one


def test_a_migration_is_a_job_of_its_release() -> None:
    job = one(migrations(), "Job")
    assert job["metadata"]["name"].startswith("migrations-1-2-0-")
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["/usr/bin/python3.13", "-m", "service.migrate"]
    env = {variable["name"]: variable["value"] for variable in container["env"]}
    assert env["DATABASE_URL"] == (
        "postgresql://app@database.database.svc:5432/app?sslmode=require&channel_binding=require"
    )
    assert env["DATABASE_PASSWORD_FILE"] == "/var/run/secrets/database/app"
    assert job["spec"]["activeDeadlineSeconds"] > 600


def test_no_change_of_a_job_keeps_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {
        one(found, "Job")["metadata"]["name"]
        for found in (
            migrations(),
            migrations("registry.example/web:1.2.1"),
            migrations("other.example/web:1.2.0"),
            migrations(seconds=500),
        )
    }
    assert len(names) == 4
    assert one(migrations(), "Job") == one(migrations(), "Job")
    # Whatever of it changes, the same image or not, and whoever changes it.
    kept = one(migrations(), "Job")["metadata"]["name"]
    monkeypatch.setattr("k8s.migrations.LABELS", {"app.kubernetes.io/name": "other"})
    assert one(migrations(), "Job")["metadata"]["name"] != kept


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("localhost:5000/web:V1.0_rc+1", "migrations-v1-0-rc-1-"),
        (f"registry.example/web:1@sha256:{'0123456789ab' * 5}0123", "migrations-0123456789ab-"),
        (f"registry.example/web:{'a' * 128}", f"migrations-{'a' * 30}-"),
    ],
)
def test_a_jobs_name_is_one_that_kubernetes_takes(image: str, name: str) -> None:
    made = job_name(image, {"image": image})
    assert made.startswith(name)
    # A pod's name has six characters more, and a label holds the Job's.
    assert len(made) <= 57


def test_an_image_that_could_be_any_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^web/migrations: image is 'registry.example/web'; it"):
        migrations("registry.example/web")


def test_a_time_that_the_gate_can_not_wait_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^web/migrations: timeout_seconds is 900; it must be 30"):
        migrations(seconds=900)
