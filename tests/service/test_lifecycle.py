import signal
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest

from delivery.process import Service, wait_for

NOTE = {"title": "a note"}


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
        wait_for(lambda: "in_use 1.0" in service.metrics().text)
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
        wait_for(lambda: "in_use 1.0" in service.metrics().text)
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
