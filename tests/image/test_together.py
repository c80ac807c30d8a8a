"""The service's image on the database's: what other tests do with another PostgreSQL, on 17."""

from pathlib import Path

import pytest

from delivery.process import wait_for
from delivery.smoke import smoke
from tests.image.cluster import Cluster
from tests.image.container import Mount, running
from tests.image.images import Image
from tests.image.test_web import BASE_URL, PYTHON, ready


@pytest.fixture
def environment(cluster: Cluster, tmp_path: Path) -> dict[str, str]:
    """The service's settings for a database of its own, with the password in a mounted file."""
    cluster.sql("CREATE DATABASE service OWNER app")
    (tmp_path / "password").write_text(cluster.database.password)
    address = cluster.database.addresses[cluster.leader]
    tls = "sslmode=verify-full&sslrootcert=/run/secrets/ca.crt"
    return {
        "DATABASE_URL": f"postgresql://app@{address}:5432/service?{tls}",
        "DATABASE_PASSWORD_FILE": "/run/secrets/password",
        "DEREGISTRATION_SECONDS": "0",
    }


def test_migrations_go_up_down_and_up_and_the_service_serves(
    web: Image, cluster: Cluster, environment: dict[str, str], tmp_path: Path
) -> None:
    mounts = [
        Mount("/run/secrets/ca.crt", cluster.database.authority, read_only=True),
        Mount("/run/secrets/password", tmp_path / "password", read_only=True),
    ]

    def migrate(*arguments: str) -> list[str]:
        """The schema afterwards."""
        command = (PYTHON, "-m", "service.migrate", *arguments)
        log = tmp_path / "migrate"
        with running(web, *command, env=environment, mounts=mounts, output=log) as container:
            assert container.process.wait(60) == 0, log.read_text()
        dump = cluster[cluster.leader].exec("pg_dump", "--schema-only", "--dbname=service")
        assert dump.returncode == 0, dump.stderr
        return [line for line in dump.stdout.splitlines() if not line.startswith("\\")]

    upgraded = migrate("head")
    assert "CREATE TABLE public.notes (" in upgraded
    log = tmp_path / "service"
    with running(web, env=environment, mounts=mounts, output=log) as container:
        wait_for(ready)
        seen = smoke(BASE_URL)
        assert container.end() == 0
    assert len(seen) > 1
    assert "Traceback" not in log.read_text()
    assert "CREATE TABLE public.notes (" not in migrate("--down", "base")
    assert migrate("head") == upgraded
