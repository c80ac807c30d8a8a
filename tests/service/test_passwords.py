"""A password that changes while the service runs: on one side first, then on the other."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from delivery.postgres import Postgres, temporary
from delivery.process import Service, wait_for
from service.connection import Connector
from service.settings import Settings
from tests.service.answers import assert_problem, assert_unavailable


@pytest.fixture
def server() -> Iterator[Postgres]:
    """A server on which the role app needs a password: at first "one"."""
    with temporary() as (made,):
        with psycopg.connect(made.url(), autocommit=True) as connection:
            connection.execute("CREATE ROLE app LOGIN PASSWORD 'one'")
            found = connection.execute("SHOW hba_file").fetchone()
            assert found
            rules = "(VALUES ('host all app all scram-sha-256'), ('host all all all trust')) AS r"
            connection.execute(f"COPY (SELECT * FROM {rules}) TO '{found[0]}'".encode())
            connection.execute("SELECT pg_reload_conf()")
        yield made


def _connects(connector: Connector) -> bool:
    async def connect() -> None:
        await (await connector.connect()).close()

    try:
        asyncio.run(connect())
    except psycopg.OperationalError as error:
        if "password authentication failed" not in str(error):
            raise
        return False
    return True


def test_a_rotation_interrupts_nobody(server: Postgres, tmp_path: Path) -> None:
    file = tmp_path / "app"
    file.write_text("one")
    url = server.url().replace("//postgres@", "//app@")
    settings = Settings(database_url=url, database_password_file=file)
    running = Connector(settings)
    assert _connects(running)
    file.write_text("two")
    assert _connects(running), "the password of before is what the server knows"
    assert not _connects(Connector(settings)), "who starts now waits for the server"
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("ALTER ROLE app PASSWORD 'two'")
    assert _connects(running)
    assert _connects(Connector(settings))
    file.write_text("three")
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("ALTER ROLE app PASSWORD 'four'")
    assert not _connects(running), "neither is right any more"


@pytest.mark.parametrize("content", [None, b"", b"s3cret\xff", b"a\0b"])
def test_a_file_without_a_password_is_a_database_that_cannot_be_reached(
    start: Callable[..., Service], database_url: str, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "app"
    file.write_text("one")
    service = start(database_url, DATABASE_PASSWORD_FILE=file)
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)

    for path in ("/v1/notes", f"/v1/notes?cursor={'_' * 32}", f"/v1/notes/{uuid4()}", "/readyz"):
        assert_unavailable(service.client.get(path))
    assert_unavailable(service.client.post("/v1/notes", json={"title": "a note"}))
    assert_problem(service.client.get(f"/v1/notes?cursor=f{'_' * 31}"), 422)
    said = str(service.lines())
    assert f"{file} is no longer a " in said
    assert "s3cret" not in said

    file.write_text("two")
    wait_for(service.ready)
    assert service.client.get("/v1/notes").json() == {"items": [], "next": None}
