"""A migration that builds an index while others write, with transactions that last."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.config import Config
from sqlalchemy import Connection, create_engine, exc, text

from delivery.postgres import Postgres
from delivery.process import ROOT, environment, wait_for
from service import concurrent_index
from service import migrate as module
from service.migrate import migrate
from service.settings import Settings

MIGRATION = ROOT / "tests" / "delivery" / "migrations" / "good" / "concurrent_index.py"
BUILD = "CREATE INDEX CONCURRENTLY notes_title ON notes (title)"
_numbers = count()


@pytest.fixture
def url(postgres: Postgres) -> str:
    """A migrated database of the test's own."""
    return postgres.create_database(f"concurrent{next(_numbers)}", "migrated")


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A folder with the service, one that builds an index."""
    shutil.copytree(ROOT / "service", tmp_path / "service")
    shutil.copy(MIGRATION, tmp_path / "service" / "migrations" / "versions")
    return tmp_path


@pytest.fixture
def settings(url: str, release: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Of that release, whose migrations have little patience with locks."""
    configuration = module.configuration

    def released(connection: Connection | None = None) -> Config:
        config = configuration(connection)
        config.set_main_option("script_location", str(release / "service" / "migrations"))
        return config

    monkeypatch.setattr(module, "configuration", released)
    monkeypatch.setattr(module, "_LOCK_TIMEOUT", "100ms")
    return Settings(database_url=url)


@contextmanager
def dump(url: str) -> Iterator[None]:
    """Read the table in a transaction that lasts, and sees all as it was at its start."""
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.execute("SELECT FROM notes")
        yield


def ask(url: str, sql: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        done = connection.execute(sql)
        return done.fetchall() if done.description else []


def builds_that_wait(url: str) -> int:
    """How many have waited longer than a lock may be waited for here."""
    return len(
        ask(
            url,
            "SELECT pid FROM pg_stat_activity WHERE query LIKE '%INDEX CONCURRENTLY%' "
            "AND datname = current_database() AND pid <> pg_backend_pid() "
            "AND wait_event_type = 'Lock' AND now() - query_start > '300 ms'",
        )
    )


def is_valid(url: str) -> bool:
    (found,) = ask(
        url, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'notes_title'::regclass"
    )
    return bool(found[0])


def leave_unfinished(url: str) -> None:
    impatient = f"{url}?options=-c%20lock_timeout%3D100ms"
    with dump(url), pytest.raises(psycopg.errors.LockNotAvailable):
        ask(impatient, BUILD)


def test_it_waits_for_a_transaction_that_lasts(settings: Settings) -> None:
    url = settings.database_url
    with ThreadPoolExecutor(1) as threads:
        with dump(url):
            migrating = threads.submit(migrate, settings, "head")
            wait_for(lambda: builds_that_wait(url) or migrating.done())
            assert not migrating.done(), migrating.result()
        migrating.result()
    assert is_valid(url)


def test_so_does_the_way_back(settings: Settings) -> None:
    url = settings.database_url
    migrate(settings, "head")
    with ThreadPoolExecutor(1) as threads:
        with dump(url):
            migrating: Future[None] = threads.submit(migrate, settings, "0001", down=True)
            wait_for(lambda: builds_that_wait(url) or migrating.done())
            assert not migrating.done(), migrating.result()
        migrating.result()
    assert ask(url, "SELECT to_regclass('notes_title')") == [(None,)]


def test_what_an_attempt_left_goes_before_the_next(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    url = settings.database_url
    leave_unfinished(url)
    assert not is_valid(url)
    migrate(settings, "head")
    assert is_valid(url)
    assert "dropping index notes_title, which an earlier attempt left unfinished" in caplog.text


def test_an_index_that_somebody_else_builds_is_left_alone(settings: Settings) -> None:
    url = settings.database_url
    with ThreadPoolExecutor(2) as threads:
        with dump(url):
            building = threads.submit(ask, url, BUILD)
            wait_for(lambda: builds_that_wait(url) == 1)
            migrating = threads.submit(migrate, settings, "head")
            wait_for(lambda: builds_that_wait(url) == 2)
        building.result()
        with pytest.raises(exc.ProgrammingError, match='"notes_title" already exists'):
            migrating.result()
    assert is_valid(url)


def test_an_index_that_serves_is_left_alone(settings: Settings) -> None:
    url = settings.database_url
    ask(url, BUILD)
    with pytest.raises(exc.ProgrammingError, match='"notes_title" already exists'):
        migrate(settings, "head")
    assert is_valid(url)


@pytest.mark.parametrize("name", ["Begun", '"Begun "" so"'])
@pytest.mark.parametrize(
    ("table", "build"),
    [
        ("notes", "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS {} ON {} (id)"),
        ('"Not es"', "create index concurrently {} on only {} using btree (id)"),
        ('app."Not es"', "CREATE INDEX\n  CONCURRENTLY {}\n  ON {} (id)"),
    ],
)
def test_however_it_is_written(url: str, table: str, build: str, name: str) -> None:
    ask(url, "CREATE SCHEMA app")
    if table != "notes":
        ask(url, f"CREATE TABLE {table} (id int)")
    statement = build.format(name, table)
    ask(url, f"{re.sub('concurrently', '', statement, flags=re.IGNORECASE)}")
    # As an attempt leaves it.
    ask(
        url,
        f"UPDATE pg_index SET indisvalid = false WHERE indrelid = '{table}'::regclass "
        "AND NOT indisprimary",
    )
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    concurrent_index.let_wait(engine, "7s")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(statement)
        assert connection.scalar(text("SHOW lock_timeout")) == "7s"
    engine.dispose()
    (found,) = ask(
        url,
        "SELECT i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
        f"WHERE i.indrelid = '{table}'::regclass AND c.relname ILIKE 'begun%'",
    )
    assert found == (True,)


def test_a_build_whose_process_is_gone_does_not_go_on(settings: Settings, release: Path) -> None:
    """As a Job's is at its deadline: who comes next would wait for it, or find its index."""
    url = settings.database_url
    with dump(url):
        words = [sys.executable, "-m", "service.migrate"]
        gone = subprocess.Popen(words, cwd=release, env=environment(url))
        wait_for(lambda: builds_that_wait(url))
        gone.kill()
        gone.wait()
        wait_for(lambda: not builds_that_wait(url))
    migrate(settings, "head")
    assert is_valid(url)
