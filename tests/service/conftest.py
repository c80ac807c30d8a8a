from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import httpx
import pytest

from delivery.postgres import Postgres, temporary
from delivery.process import Service, environment, running
from service.migrate import migrate
from service.settings import Settings

_numbers = count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server that stays up; its database `migrated` is a template."""
    with temporary() as (server,):
        migrate(Settings(database_url=server.create_database("migrated")), "head")
        yield server


@pytest.fixture
def database_url(postgres: Postgres) -> str:
    """A migrated database of the test's own."""
    return postgres.create_database(f"test{next(_numbers)}", "migrated")


@pytest.fixture(scope="session")
def shared(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service for all tests that neither change nor need its state."""
    log = tmp_path_factory.mktemp("service") / "log"
    url = postgres.create_database("shared", "migrated")
    limits = {"HEADER_SECONDS": 1, "BODY_SECONDS": 1}
    with running(log, environment(url, **limits)) as service:
        yield service


@pytest.fixture
def client(shared: Service) -> httpx.Client:
    return shared.client


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Start a service of the test's own: start(database_url, **settings)."""
    with ExitStack() as stack:

        def start(url: str, **settings: object) -> Service:
            log = tmp_path / f"log{next(_numbers)}"
            return stack.enter_context(running(log, environment(url, **settings)))

        yield start
