"""Indexes that are built or dropped while others write: how that waits, and is tried again."""

import logging
import re
from typing import Any

from sqlalchemy import Engine, event

_logger = logging.getLogger(__name__)

_CONCURRENT = re.compile(
    r"\s*(CREATE\s+(UNIQUE\s+)?INDEX|DROP\s+INDEX|REINDEX\b[^;]*)\s+CONCURRENTLY\b", re.IGNORECASE
)
_NAME = r'(?:"(?:[^"]|"")+"|\w+)'
_CREATE = re.compile(
    rf"\s*CREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+(?:IF\s+NOT\s+EXISTS\s+)?(?P<name>{_NAME})"
    rf"\s+ON\s+(?:ONLY\s+)?(?P<table>{_NAME}(?:\.{_NAME})?)",
    re.IGNORECASE,
)
_LEFTOVER = """
    SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = to_regclass(%(table)s) AND c.relname = (parse_ident(%(name)s))[1]
      AND NOT i.indisvalid
      AND NOT EXISTS (
        SELECT FROM pg_stat_progress_create_index p WHERE p.datname = current_database()
        -- A build that we may not look into could be this one's.
        AND (p.relid = i.indrelid OR p.relid IS NULL)
      )
"""


def let_wait(engine: Engine, lock_timeout: str) -> None:
    """Lift the limit, `lock_timeout` of the session, for what holds up nobody while it waits.

    It waits for every older transaction, such as a dump's. An index that a build left when it was
    ended serves nobody and has the name, so it goes before the next attempt.
    """

    def before(_connection: object, cursor: Any, statement: str, *_: object) -> None:
        if _CONCURRENT.match(statement):
            cursor.connection.execute("SET lock_timeout = 0")
            _drop_leftover(cursor.connection, statement)

    def after(_connection: object, cursor: Any, statement: str, *_: object) -> None:
        if _CONCURRENT.match(statement):
            cursor.connection.execute(f"SET lock_timeout = '{lock_timeout}'")

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)


def _drop_leftover(connection: Any, statement: str) -> None:
    if wanted := _CREATE.match(statement):
        for (index,) in connection.execute(_LEFTOVER, wanted.groupdict()).fetchall():
            _logger.warning("dropping index %s, which an earlier attempt left unfinished", index)
            connection.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {index}")
