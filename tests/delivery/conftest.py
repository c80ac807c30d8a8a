import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from delivery.postgres import Postgres, temporary
from delivery.process import ROOT, Service, environment, running
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
def start(postgres: Postgres, tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Start the service in a folder, with a database of its own."""
    with ExitStack() as stack:

        def start(root: Path = ROOT) -> Service:
            number = next(_numbers)
            url = postgres.create_database(f"test{number}", "migrated")
            log = tmp_path / f"log{number}"
            return stack.enter_context(running(log, environment(url), root))

        yield start


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., Path]:
    """Make a copy of the service in which something else stands; return its folder."""

    def build(file: str, stands: str, other: str) -> Path:
        shutil.copytree(ROOT / "service", tmp_path / "service")
        source = tmp_path / "service" / file
        text = source.read_text()
        assert stands in text
        source.write_text(text.replace(stands, other, 1))
        return tmp_path

    return build
