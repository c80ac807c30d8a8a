import errno
import resource
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import httpx
import psycopg
import pytest

from delivery.postgres import Postgres
from delivery.process import ROOT, Service, environment, run, wait_for
from service.__main__ import main


def test_a_schema_that_is_too_old_is_not_ready_and_a_newer_one_is(
    start: Callable[..., Service], postgres: Postgres
) -> None:
    url = postgres.create_database("unmigrated")
    service = start(url)
    answer = service.client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["detail"] == ("The schema is at no revision; it must be 0001 or newer.")

    # What is asked of it all the same is a 500 that says nothing of the schema, and is logged.
    answer = service.client.get("/v1/notes", headers={"x-request-id": "the-500"})
    assert answer.status_code == 500
    assert "notes" not in answer.json()["detail"]

    def both() -> list[dict[str, Any]] | None:
        lines = [one for one in service.lines() if one.get("request_id") == "the-500"]
        return lines if len(lines) == 2 else None

    failure, access = wait_for(both)
    assert failure["level"] == "error"
    assert "UndefinedTable" in failure["error"]
    assert access["status"] == 500

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num text)")
        assert service.client.get("/readyz").status_code == 503
        connection.execute("INSERT INTO alembic_version VALUES ('0000')")
        assert service.client.get("/readyz").status_code == 503
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        assert service.client.get("/readyz").status_code == 200


def test_wrong_settings_are_a_sentence_each_and_no_service(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"DATABASE_URL": "host=a,b", "PORT": "x", "LOG_LEVEL": "loud"}.items():
        monkeypatch.setenv(name, value)
    assert main() == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 3


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_it_listens_at_an_address_of_either_family(
    start: Callable[..., Service], database_url: str, host: str
) -> None:
    if host == "::1":
        with socket.socket(socket.AF_INET6) as probe:
            if probe.connect_ex((host, 9)) != errno.ECONNREFUSED:
                pytest.skip("This machine has no IPv6.")
    service = start(database_url, HOST=host)
    place = f"[{host}]" if ":" in host else host
    assert httpx.get(f"http://{place}:{service.port}/healthz").status_code == 200
    (at,) = (one["message"] for one in service.lines() if "metrics at" in one["message"])
    metrics = httpx.get(f"http://{place}:{at.rpartition(':')[2]}/metrics")
    assert "process_resident_memory_bytes" in metrics.text


def test_an_address_that_is_taken_is_a_sentence(shared: Service, database_url: str) -> None:
    done = run("service", env=environment(database_url, PORT=shared.port))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "in use" in done.stderr
    taken = shared.metrics().url.port
    done = run("service", env=environment(database_url, METRICS_PORT=taken))
    assert done.returncode == 2
    assert f"metrics can't be served at 127.0.0.1:{taken}: Address already in use" in done.stderr


def test_an_address_that_is_none_is_a_sentence(database_url: str) -> None:
    done = run("service", env=environment(database_url, HOST="nowhere.invalid"))
    assert done.returncode == 2
    assert done.stderr.startswith("HOST is 'nowhere.invalid', which is no address here: ")
    assert done.stderr.endswith(".\n")


def test_more_connections_than_files_are_refused_at_the_start(database_url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "service"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (1000, 1000)),
        env=environment(database_url, MAX_CONNECTIONS=1000),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "may open 1000 files" in done.stderr
