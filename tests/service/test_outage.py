import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count
from uuid import uuid4

import httpx
import psycopg
import pytest

from delivery.postgres import Postgres, temporary
from delivery.process import Service, wait_for
from service.migrate import migrate
from service.settings import Settings

NOTE = {"title": "a note"}
_numbers = count()


@pytest.fixture
def pair() -> Iterator[tuple[Postgres, Postgres]]:
    """A primary and its standby, for tests that break them."""
    with temporary(standbys=1) as (primary, standby):
        primary.create_database("app")
        migrate(Settings(database_url=primary.url("app")), "head")
        yield primary, standby


@pytest.fixture(scope="module")
def fragile() -> Iterator[Postgres]:
    with temporary() as (server,):
        migrate(Settings(database_url=server.create_database("migrated")), "head")
        yield server


@pytest.fixture
def database(fragile: Postgres) -> Iterator[Postgres]:
    """A server that the test may stop."""
    yield fragile
    fragile.resume()
    fragile.stop()
    fragile.start()


def assert_unavailable(answer: httpx.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0


def url(server: Postgres) -> str:
    return server.create_database(f"outage{next(_numbers)}", "migrated")


def test_a_lost_database_is_a_503_until_it_is_back(
    database: Postgres, start: Callable[..., Service]
) -> None:
    service = start(url(database))
    note = service.client.post("/v1/notes", json=NOTE).json()
    path = f"/v1/notes/{note['id']}"

    database.stop()

    assert_unavailable(service.client.get(path))
    assert_unavailable(service.client.get("/v1/notes"))
    assert_unavailable(service.client.post("/v1/notes", json=NOTE))
    assert_unavailable(service.client.put(path, json=NOTE))
    assert_unavailable(service.client.delete(path))
    assert_unavailable(service.client.get("/readyz"))
    assert service.client.get("/healthz").status_code == 200

    database.start()

    wait_for(service.ready)
    assert service.client.get(path).json() == note


def test_a_service_starts_without_its_database_and_gets_ready_when_it_comes(
    database: Postgres, start: Callable[..., Service]
) -> None:
    address = url(database)
    database.stop()

    service = start(address)

    assert_unavailable(service.client.get("/readyz"))
    assert service.client.get("/healthz").status_code == 200
    database.start()
    wait_for(service.ready)


def test_a_silent_database_never_makes_a_request_hang(
    database: Postgres, start: Callable[..., Service]
) -> None:
    limits = {
        "DATABASE_POOL_SIZE": 2,
        "DATABASE_POOL_WAIT_SECONDS": 0.5,
        "DATABASE_CONNECT_SECONDS": 0.5,
        "DATABASE_STATEMENT_SECONDS": 0.5,
    }
    service = start(url(database), **limits)
    note = service.client.post("/v1/notes", json=NOTE).json()
    requests: list[tuple[str, str]] = [
        *[("GET", f"/v1/notes/{note['id']}")] * 4,
        *[("POST", "/v1/notes")] * 4,
        ("GET", "/v1/notes"),
        ("GET", "/readyz"),
    ]

    def ask(request: tuple[str, str]) -> httpx.Response:
        method, path = request
        return service.client.request(method, path, json=NOTE if method == "POST" else None)

    database.pause()
    # Twice: first with connections that were fine, then with none.
    for _ in range(2):
        started = time.monotonic()
        with ThreadPoolExecutor(len(requests)) as threads:
            answers = list(threads.map(ask, requests))
        assert time.monotonic() - started < 8
        for answer in answers:
            assert_unavailable(answer)
    assert service.client.get("/healthz").status_code == 200

    database.resume()

    wait_for(service.ready)
    assert service.client.get(f"/v1/notes/{note['id']}").json() == note


def test_a_locked_row_is_a_503_after_the_limit(
    database: Postgres, start: Callable[..., Service]
) -> None:
    address = url(database)
    service = start(address, DATABASE_STATEMENT_SECONDS=0.5)
    path = f"/v1/notes/{service.client.post('/v1/notes', json=NOTE).json()['id']}"
    with psycopg.connect(address) as other:
        other.execute("SELECT * FROM notes FOR UPDATE")

        assert_unavailable(service.client.put(path, json=NOTE))

        assert service.client.get(path).status_code == 200
    assert service.client.put(path, json=NOTE).status_code == 200


def test_a_pool_that_is_used_up_is_a_503_and_not_a_queue(
    database: Postgres, start: Callable[..., Service]
) -> None:
    address = url(database)
    service = start(address, DATABASE_POOL_SIZE=1, DATABASE_POOL_WAIT_SECONDS=0.5)
    path = f"/v1/notes/{service.client.post('/v1/notes', json=NOTE).json()['id']}"
    with psycopg.connect(address) as other, ThreadPoolExecutor(1) as thread:
        other.execute("SELECT * FROM notes FOR UPDATE")
        waiting = thread.submit(service.client.put, path, json=NOTE)
        wait_for(lambda: "in_use 1.0" in service.client.get("/metrics").text)

        assert_unavailable(service.client.get("/v1/notes"))

        other.rollback()
        assert waiting.result().status_code == 200
    assert service.client.get("/v1/notes").status_code == 200


def test_many_readers_of_a_silent_database_do_not_wait_for_each_other(
    database: Postgres, start: Callable[..., Service]
) -> None:
    limits = {"DATABASE_POOL_WAIT_SECONDS": 0.5, "DATABASE_STATEMENT_SECONDS": 0.5}
    service = start(url(database), **limits)
    assert service.client.get(f"/v1/notes/{uuid4()}").status_code == 404
    database.pause()
    with ExitStack() as stack:
        readers = [
            stack.enter_context(socket.create_connection(("127.0.0.1", service.port), timeout=60))
            for _ in range(600)
        ]
        for reader in readers:
            reader.sendall(f"GET /v1/notes/{uuid4()} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        for reader in readers:
            assert reader.recv(65536).startswith(b"HTTP/1.1 503 ")

    waits = [line["seconds"] for line in service.lines() if line.get("status") == 503]
    assert len(waits) == 600
    # Half a second for its turn, and one query of others before that.
    assert max(waits) < 6


def test_a_pool_that_is_used_up_is_no_reason_to_send_requests_elsewhere(
    database: Postgres, start: Callable[..., Service]
) -> None:
    address = url(database)
    service = start(address, DATABASE_POOL_SIZE=1)
    path = f"/v1/notes/{service.client.post('/v1/notes', json=NOTE).json()['id']}"
    with psycopg.connect(address) as other, ThreadPoolExecutor(1) as thread:
        other.execute("SELECT * FROM notes FOR UPDATE")
        waiting = thread.submit(service.client.put, path, json=NOTE)
        wait_for(lambda: "in_use 1.0" in service.client.get("/metrics").text)

        assert service.ready()

        other.rollback()
        assert waiting.result().status_code == 200


def both(first: Postgres, second: Postgres) -> str:
    hosts = f"127.0.0.1:{first.port},127.0.0.1:{second.port}"
    return f"postgresql://postgres@{hosts}/app?target_session_attrs=read-write"


@pytest.mark.parametrize("loss", ["dies", "falls silent"])
def test_it_follows_the_primary_when_the_primary(
    pair: tuple[Postgres, Postgres], start: Callable[..., Service], loss: str
) -> None:
    primary, standby = pair
    service = start(
        both(primary, standby), DATABASE_STATEMENT_SECONDS=1, DATABASE_CONNECT_SECONDS=5
    )
    kept = [service.client.post("/v1/notes", json=NOTE).json()["id"] for _ in range(5)]
    with psycopg.connect(standby.url("app"), autocommit=True) as connection:
        wait_for(lambda: connection.execute("SELECT count(*) = 5 FROM notes").fetchone() == (True,))

    if loss == "dies":
        primary.stop()
    else:
        primary.pause()
    standby.promote()

    wait_for(lambda: service.client.post("/v1/notes", json=NOTE).status_code == 201)
    for identity in kept:
        assert service.client.get(f"/v1/notes/{identity}").status_code == 200


def test_it_leaves_a_server_that_takes_no_writes_any_more(
    pair: tuple[Postgres, Postgres], start: Callable[..., Service]
) -> None:
    primary, standby = pair
    service = start(both(primary, standby))
    assert service.client.post("/v1/notes", json=NOTE).status_code == 201
    standby.promote()
    # What a demoted primary looks like to a connection that survives.
    with psycopg.connect(primary.url(), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        connection.execute("SELECT pg_reload_conf()")

    wait_for(lambda: service.client.post("/v1/notes", json=NOTE).status_code == 201)

    with psycopg.connect(standby.url("app")) as connection:
        assert connection.execute("SELECT count(*) = 2 FROM notes").fetchone() == (True,)
