from collections.abc import Callable, Iterator

import psycopg
import pytest

from delivery.postgres import Postgres, temporary
from delivery.process import Service, wait_for
from service.migrate import migrate
from service.settings import Settings

NOTE = {"title": "a note"}


@pytest.fixture
def pair() -> Iterator[tuple[Postgres, Postgres]]:
    """A primary and its standby, for tests that break them."""
    with temporary(standbys=1) as (primary, standby):
        primary.create_database("app")
        migrate(Settings(database_url=primary.url("app")), "head")
        yield primary, standby


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


def test_no_request_fails_for_connections_that_ended_while_nobody_used_them(
    pair: tuple[Postgres, Postgres], start: Callable[..., Service]
) -> None:
    """As a primary leaves them behind that has handed over since."""
    primary, _ = pair
    service = start(primary.url("app"))
    assert service.client.post("/v1/notes", json=NOTE).status_code == 201
    assert service.ready()
    with psycopg.connect(primary.url(), autocommit=True) as connection:
        ended = connection.execute(
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
            " WHERE application_name = 'service'"
        ).fetchone()
    assert ended is not None
    assert ended[0] >= 2
    assert service.client.post("/v1/notes", json=NOTE).status_code == 201
    assert service.client.get("/readyz").status_code == 200
