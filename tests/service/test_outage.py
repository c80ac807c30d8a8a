import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count
from uuid import uuid4

import httpx
import pytest

from delivery.postgres import Postgres, temporary
from delivery.process import Service, wait_for
from service.migrate import migrate
from service.settings import Settings
from tests.service.answers import assert_unavailable

NOTE = {"title": "a note"}
_numbers = count()


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
