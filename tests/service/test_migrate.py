import os
import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from delivery.postgres import Postgres
from delivery.process import environment, run, wait_for
from service import log
from service import migrate as module
from service.migrate import migrate
from service.schema import REQUIRED_REVISION, metadata
from service.settings import Settings

NEVER = datetime.min.replace(tzinfo=UTC)


def test_the_command_goes_up_and_down(postgres: Postgres) -> None:
    url = postgres.create_database("up_and_down")
    env = environment(url)
    assert run("service.migrate", env=env).returncode == 0
    assert "CREATE TABLE public.notes" in postgres.dump("up_and_down", "--schema-only")
    migrate(Settings(database_url=url), "head")
    assert run("service.migrate", "--down", "base", env=env).returncode == 0
    assert "notes" not in postgres.dump("up_and_down", "--schema-only")


def test_the_migrations_make_the_schema_that_the_code_declares(postgres: Postgres) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from sqlalchemy import create_engine

    url = postgres.url("migrated").replace("postgresql:", "postgresql+psycopg:")
    engine = create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == REQUIRED_REVISION
    # The template must be free again for others.
    engine.dispose()


def test_the_sql_can_be_had_for_review(capsys: pytest.CaptureFixture[str]) -> None:
    assert module.main(["--sql", "base:0001"]) == 0
    assert "CREATE TABLE notes" in capsys.readouterr().out
    assert module.main(["--sql", "--down", "0001:base"]) == 0
    assert "DROP TABLE notes" in capsys.readouterr().out


def test_many_at_once_migrate_once(postgres: Postgres) -> None:
    """Without the lock they would do it together, and all but one fail on what is there."""
    settings = Settings(database_url=postgres.create_database("at_once"))
    env = environment(settings.database_url)
    with ThreadPoolExecutor(3) as threads:
        with psycopg.connect(settings.database_url, autocommit=True) as other:
            other.execute("SELECT pg_advisory_lock(7777)")
            runs = [threads.submit(run, "service.migrate", env=env) for _ in range(3)]
            before = wait_for(lambda: asked(other, 3), 60)
            # Longer than a migration takes: whoever still asks then, waits.
            later = max(before.values()) + timedelta(seconds=2)
            wait_for(lambda: min(asked(other, 3).values(), default=NEVER) > later)
            assert other.execute("SELECT to_regclass('notes')").fetchone() == (None,)
        assert [one.result().returncode for one in runs] == [0, 0, 0]
    with psycopg.connect(settings.database_url) as connection:
        found = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    assert found == [(REQUIRED_REVISION,)]


def asked(connection: psycopg.Connection[Any], number: int) -> dict[int, datetime]:
    """Return when each of as many other sessions last said something, nothing if there are fewer.

    Who waits for the lock, asks for it every second.
    """
    sessions = "SELECT pid, query_start FROM pg_stat_activity WHERE datname = current_database() "
    sessions += "AND pid <> pg_backend_pid() AND query_start IS NOT NULL"
    found = dict(connection.execute(sessions).fetchall())
    return found if len(found) == number else {}


def test_whoever_waits_too_long_says_so(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(database_url=postgres.create_database("too_long"))
    monkeypatch.setattr(module, "_LOCK_SECONDS", 0.0)
    with psycopg.connect(settings.database_url, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(7777)")
        with pytest.raises(TimeoutError, match="Another migration"):
            migrate(settings, "head")


def test_a_server_whose_machine_is_lost_is_not_waited_for(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[int]] = []
    connect = psycopg.connect

    def watched(conninfo: str) -> psycopg.Connection[Any]:
        connection = connect(conninfo)
        with socket.socket(fileno=os.dup(connection.fileno())) as same:
            options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
            seen.append([same.getsockopt(socket.IPPROTO_TCP, one) for one in options])
        return connection

    settings = Settings(database_url=postgres.create_database("lost"))
    monkeypatch.setattr(psycopg, "connect", watched)
    migrate(settings, "head")
    assert seen == [[10, 5, 3]]


def test_what_cannot_be_done_is_told_by_the_exit_code(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It would take the tests' own log away.
    monkeypatch.setattr(log, "configure", lambda level: None)
    monkeypatch.setenv("DATABASE_URL", postgres.create_database("exit_codes"))
    assert module.main(["9999"]) == 1
    monkeypatch.setenv("PORT", "x")
    assert module.main([]) == 2
    monkeypatch.delenv("PORT")
    monkeypatch.setenv("DATABASE_URL", "host=127.0.0.1 port=1")
    assert module.main([]) == 1


def test_the_old_release_leaves_a_newer_schema_alone(postgres: Postgres) -> None:
    """As a roll-back has it, after the new release's migration and before its pods were ready."""
    url = postgres.create_database("newer", template="migrated")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    migrate(Settings(database_url=url), "head")
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert found == ("9999",)


def test_the_server_s_options_may_come_with_the_address(postgres: Postgres) -> None:
    postgres.create_database("options")
    url = f"{postgres.url('options')}?options=-c%20search_path%3Dapp"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA app")
    migrate(Settings(database_url=url), "head")
    assert "CREATE TABLE app.notes" in postgres.dump("options", "--schema-only")


def test_a_failure_is_told_without_the_rows(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    url = postgres.create_database("rows")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE alembic_version (version_num text CHECK (false) NO INHERIT)"
        )
    monkeypatch.setattr(log, "configure", lambda level: None)
    monkeypatch.setenv("DATABASE_URL", url)
    assert module.main([]) == 1
    assert "violates check constraint" in caplog.text
    assert "Failing row" not in caplog.text
