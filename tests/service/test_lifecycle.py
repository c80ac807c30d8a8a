import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest

from delivery.postgres import Postgres
from delivery.process import ROOT, Service, environment, run, wait_for
from service.__main__ import main

NOTE = {"title": "a note"}


def _closed(one: socket.socket) -> bool:
    try:
        return one.recv(1) == b""
    except ConnectionResetError:
        return True


def test_on_sigterm_it_goes_not_ready_serves_on_and_ends_well(
    start: Callable[..., Service], database_url: str
) -> None:
    started = time.monotonic()
    service = start(database_url, DEREGISTRATION_SECONDS=1)
    wait_for(service.ready)
    # The figure is 1 s on an idle machine (benchmarks); a busy one must not fail the tests.
    assert time.monotonic() - started < 10

    service.process.send_signal(signal.SIGTERM)

    wait_for(lambda: not service.ready())
    assert service.client.post("/v1/notes", json=NOTE).status_code == 201
    assert service.client.get("/healthz").status_code == 200
    assert service.process.wait(20) == 0
    with pytest.raises(httpx.TransportError):
        service.client.get("/healthz")


def test_a_second_signal_ends_the_wait(start: Callable[..., Service], database_url: str) -> None:
    service = start(database_url, DEREGISTRATION_SECONDS=300)
    service.process.send_signal(signal.SIGTERM)
    wait_for(lambda: not service.ready())

    service.process.send_signal(signal.SIGTERM)

    assert service.process.wait(20) == 0


def test_a_request_that_has_begun_is_answered_before_the_end(
    start: Callable[..., Service], database_url: str
) -> None:
    service = start(database_url, DRAIN_SECONDS=20)
    path = f"/v1/notes/{service.client.post('/v1/notes', json=NOTE).json()['id']}"
    with psycopg.connect(database_url) as other, ThreadPoolExecutor(1) as thread:
        other.execute("SELECT * FROM notes FOR UPDATE")
        waiting = thread.submit(service.client.put, path, json=NOTE)
        wait_for(lambda: "in_use 1.0" in service.client.get("/metrics").text)
        service.process.send_signal(signal.SIGTERM)

        def refused() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", service.port)) != 0

        wait_for(refused)
        other.rollback()
        assert waiting.result().status_code == 200
    assert service.process.wait(20) == 0


def test_a_request_that_outlasts_the_drain_is_cut_and_nothing_acknowledged_is_lost(
    start: Callable[..., Service], database_url: str
) -> None:
    service = start(database_url, DRAIN_SECONDS=1, DATABASE_STATEMENT_SECONDS=60)
    note = service.client.post("/v1/notes", json=NOTE).json()
    path = f"/v1/notes/{note['id']}"
    with psycopg.connect(database_url) as other, ThreadPoolExecutor(1) as thread:
        other.execute("SELECT * FROM notes FOR UPDATE")
        waiting = thread.submit(service.client.put, path, json={"title": "too late"})
        wait_for(lambda: "in_use 1.0" in service.client.get("/metrics").text)
        started = time.monotonic()
        service.process.send_signal(signal.SIGTERM)

        answer = waiting.result()
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert service.process.wait(20) == 0
        # A pod has 10 s more than the drain before it is killed.
        assert 1 <= time.monotonic() - started < 10
    assert "a request was cut" in str(service.lines())
    with psycopg.connect(database_url) as connection:
        # The statement ended with its request: with the lock gone it writes nothing late.
        assert connection.execute("SELECT title FROM notes").fetchall() == [(NOTE["title"],)]
        others = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'service' "
        others += "AND datname = current_database()"
        assert connection.execute(others).fetchone() == (0,)


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


def test_an_address_that_is_taken_is_a_sentence(shared: Service, database_url: str) -> None:
    done = run("service", env=environment(database_url, PORT=shared.port))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "in use" in done.stderr


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


def test_every_acknowledged_note_is_there_after_kill_9(
    start: Callable[..., Service], database_url: str
) -> None:
    service = start(database_url)
    acknowledged: list[str] = []

    def write(number: int) -> None:
        with httpx.Client(base_url=service.client.base_url) as client:
            while True:
                try:
                    answer = client.post("/v1/notes", json={"title": f"by {number}"})
                except httpx.TransportError:
                    return
                assert answer.status_code == 201
                acknowledged.append(answer.json()["id"])

    with ThreadPoolExecutor(8) as threads:
        writers = [threads.submit(write, number) for number in range(8)]
        wait_for(lambda: len(acknowledged) > 200)
        service.process.kill()
        for writer in writers:
            writer.result()

    with psycopg.connect(database_url) as connection:
        kept = {str(row[0]) for row in connection.execute("SELECT id FROM notes")}
    assert set(acknowledged) <= kept
    # Of what was not acknowledged there is at most what was on its way.
    assert len(kept) <= len(acknowledged) + 8


def test_connections_over_the_limit_are_closed(
    start: Callable[..., Service], database_url: str
) -> None:
    service = start(database_url, MAX_CONNECTIONS=3, HEADER_SECONDS=60)
    service.client.close()
    address = ("127.0.0.1", service.port)
    held = [socket.create_connection(address, timeout=10) for _ in range(3)]
    try:
        with socket.create_connection(address, timeout=10) as one:
            wait_for(lambda: _closed(one))
        held[0].sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert held[0].recv(100).startswith(b"HTTP/1.1 200")
    finally:
        for one in held:
            one.close()
