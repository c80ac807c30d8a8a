"""`python -m service.migrate`: bring the schema to a revision, one process at a time."""

import argparse
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from psycopg.conninfo import make_conninfo
from sqlalchemy import Connection, create_engine, event, exc, text
from sqlalchemy.pool import NullPool

from service import concurrent_index, log
from service.connection import KEEPALIVES
from service.database import leave_out_rows
from service.settings import Settings, SettingsError

_logger = logging.getLogger(__name__)

_LOCK = 7777
"""The advisory lock that the migrating process holds."""
_LOCK_SECONDS = 300.0
_LOCK_TIMEOUT = "5s"
"""A migration that waits longer for a table would hold up everybody behind it: it fails instead."""
_CHECK_INTERVAL = "2s"


def configuration(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration, for `connection` or for SQL on standard output."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def migrate(settings: Settings, revision: str, *, down: bool = False) -> None:
    """Upgrade or downgrade the database to `revision`; one that is newer than this code stays.

    A roll-back runs the old release again, which the new schema doesn't disturb.
    Raises psycopg.OperationalError, exc.SQLAlchemyError, CommandError or TimeoutError.
    """
    with _exclusive(settings) as connection:
        if revision == "head" and not down and (newer := _newer(connection)):
            _logger.info("the schema is at %s, newer than this code", newer)
            return
        (command.downgrade if down else command.upgrade)(configuration(connection), revision)


def _newer(connection: Connection) -> str:
    """Return the schema's revision if it comes after the last one here, else nothing."""
    found = MigrationContext.configure(connection).get_current_revision() or ""
    connection.rollback()
    head = ScriptDirectory.from_config(configuration()).get_current_head() or ""
    # Revisions are numbers of equal length: see migrations/.
    return found if found > head else ""


@contextmanager
def _exclusive(settings: Settings) -> Iterator[Connection]:
    given = settings.conninfo(
        # The server ends what it does for a client that is gone, and lets go of the lock.
        f"-c lock_timeout={_LOCK_TIMEOUT} -c client_connection_check_interval={_CHECK_INTERVAL}"
    )
    conninfo = make_conninfo(**{"connect_timeout": "5", **KEEPALIVES, **given})
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(conninfo),
        # The lock ends with the session, whatever happened in it.
        poolclass=NullPool,
        hide_parameters=True,
    )
    event.listen(engine, "handle_error", leave_out_rows)
    concurrent_index.let_wait(engine, _LOCK_TIMEOUT)
    with engine.connect() as connection:
        deadline = time.monotonic() + _LOCK_SECONDS
        # Not pg_advisory_lock: whoever waits in it holds a snapshot, and CREATE INDEX
        # CONCURRENTLY of whoever has the lock would wait for that.
        while not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _LOCK}):
            connection.rollback()
            if time.monotonic() > deadline:
                raise TimeoutError(f"Another migration has been running for {_LOCK_SECONDS:g} s.")
            time.sleep(1)
        connection.commit()
        yield connection


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when the schema is at the revision, 1 when it could not be, 2 for bad settings."""
    parser = argparse.ArgumentParser(prog="python -m service.migrate", description=__doc__)
    parser.add_argument("revision", nargs="?", default="head")
    parser.add_argument("--down", action="store_true", help="downgrade to the revision")
    parser.add_argument("--sql", action="store_true", help="print the SQL, given FROM:TO; run none")
    given = parser.parse_args(arguments)
    if given.sql:
        (command.downgrade if given.down else command.upgrade)(
            configuration(), given.revision, sql=True
        )
        return 0
    try:
        settings = Settings.read(os.environ)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    log.configure(settings.log_level)
    try:
        migrate(settings, given.revision, down=given.down)
    except (exc.SQLAlchemyError, psycopg.Error, CommandError, TimeoutError) as error:
        _logger.error("the schema could not be brought to %s: %s", given.revision, error)
        return 1
    _logger.info("the schema is at %s", given.revision)
    return 0


if __name__ == "__main__":
    sys.exit(main())
