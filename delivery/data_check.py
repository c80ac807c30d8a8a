"""The newest dump of a database's rows, proven by restoring it into a server of its own."""

import json
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import psycopg
from botocore.exceptions import BotoCoreError, ClientError

from delivery.data import DUMP, DUMPS, MANIFEST, NAMED
from delivery.piped import piped
from delivery.postgres import PostgresError, temporary
from delivery.tables import Tables, number, read

LIMIT_SECONDS = 3600
"""How long a dump may take: one without a manifest may be going on until then."""


class _Dump(NamedTuple):
    begun: datetime
    name: str
    whole: bool


def check_data(
    s3: Any, bucket: str, *, max_age_hours: int, now: datetime | None = None
) -> tuple[int, list[str]]:
    """Restore the newest dump; return the rows that it was made of, and what isn't as it was."""
    now = now or datetime.now(UTC)
    try:
        dumps = _dumps(s3, bucket)
        newest = max((dump for dump in dumps if dump.whole), default=None)
        problems = list(_torn(dumps, newest, now))
        if newest is None:
            return 0, problems or [f"There is no dump of rows in {bucket}/{DUMPS}."]
        hours = (now - newest.begun).total_seconds() / 3600
        if hours > max_age_hours:
            old = f"The newest dump, {newest.name}, is {hours:.0f} h old; it may be"
            return 0, [*problems, f"{old} {max_age_hours}."]
        before, archive = _manifest(s3, bucket, newest.name)
        if archive:
            problems.append(
                f"When {newest.name} was dumped, the database's archive failed: {archive}."
            )
        if not number(before):
            return 0, [*problems, f"The dump {newest.name} is empty: it holds no row."]
        now_there = _restored(_get(s3, bucket, f"{newest.name}{DUMP}"))
    except (
        BotoCoreError,
        ClientError,
        PostgresError,
        psycopg.Error,
        OSError,
        ValueError,
    ) as error:
        return 0, [f"The dump of the database can't be restored: {error}"]
    return number(before), [*problems, *_apart(newest.name, before, now_there)]


def _torn(dumps: list[_Dump], newest: _Dump | None, now: datetime) -> Iterator[str]:
    """Yield a sentence for each dump after the newest whole one that has ended without its end."""
    for dump in dumps:
        after = newest is None or dump.begun > newest.begun
        if after and not dump.whole and now - dump.begun > timedelta(seconds=LIMIT_SECONDS):
            yield f"The dump {dump.name} has no manifest, so it isn't whole."


def _apart(name: str, before: Tables, now: Tables) -> Iterator[str]:
    for table in sorted(set(before) | set(now)):
        was, has = before.get(table), now.get(table)
        if was is None or has is None:
            yield f"The dump {name} {'has a new' if was is None else 'lacks'} table {table}."
        elif was["rows"] != has["rows"]:
            yield f"Table {table} of {name} had {was['rows']} rows and has {has['rows']}."
        elif was["checksum"] != has["checksum"]:
            yield f"Table {table} of {name} has rows with other values than when it was dumped."


def _dumps(s3: Any, bucket: str) -> list[_Dump]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=DUMPS)
    keys = {item["Key"] for page in pages for item in page.get("Contents", [])}
    found = []
    for name in sorted({f"{key.rpartition('/')[0]}/" for key in keys}):
        # What isn't named like a dump is none.
        with suppress(ValueError):
            begun = datetime.strptime(name, f"{DUMPS}{NAMED}/").replace(tzinfo=UTC)
            found.append(_Dump(begun, name, f"{name}{MANIFEST}" in keys))
    return found


def _get(s3: Any, bucket: str, key: str) -> Any:
    return s3.get_object(Bucket=bucket, Key=key)["Body"]


def _manifest(s3: Any, bucket: str, dump: str) -> tuple[Tables, str | None]:
    """Return the tables that were dumped, and what failed of the archive. Raises ValueError."""
    found = json.load(_get(s3, bucket, f"{dump}{MANIFEST}"))
    match found:
        case {"tables": dict(tables), "archive": None | str() as archive} if all(
            isinstance(table, dict) and isinstance(table.get("rows"), int) and "checksum" in table
            for table in tables.values()
        ):
            return tables, archive
    raise ValueError(f"{dump}{MANIFEST} isn't what a dump writes of its tables.")


def _restored(body: Any) -> Tables:
    """Return the tables of a dump that goes from the bucket to a server."""
    with temporary() as (server,):
        url = server.create_database("restored")
        words = ("--exit-on-error", "--no-owner", "--no-acl", f"--dbname={url}")
        with piped("pg_restore", *words, reads=True) as process:
            assert process.stdin
            shutil.copyfileobj(body, process.stdin)
        with psycopg.connect(url) as connection:
            return read(connection)
