"""`python -m delivery.data`: dump a database's rows, with their counts and checksums, for a drill.

Manifest and dump are of one snapshot of the database, so they agree however much is written
meanwhile. A dump goes from the server to the bucket and is never held whole, nor on a disk.
"""

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import psycopg
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError

from delivery.piped import piped
from delivery.postgres import PostgresError
from delivery.tables import Tables, number, read

DUMPS = "dumps/"
DUMP, MANIFEST = "database.dump", "manifest.json"
NAMED = "%Y-%m-%dT%H-%M-%SZ"
"""A dump's name below `DUMPS`: when it began, in UTC."""
URL, PASSWORD_FILE = "DATABASE_URL", "DATABASE_PASSWORD_FILE"
# Of the server that was dumped: a primary, which archives what it is changed by.
_UNARCHIVED = """SELECT format('%s wasn''t archived at %s UTC', last_failed_wal,
    to_char(last_failed_time AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')) FROM pg_stat_archiver
WHERE last_failed_time > coalesce(last_archived_time, '-infinity')"""
# S3 takes 10,000 parts: 160 GB. One at a time is in memory, and a copy of it.
_PARTS = TransferConfig(multipart_chunksize=16 * 2**20, use_threads=False)


class DataError(Exception):
    """A dump that can't be made or restored; the message says why."""


def dump(url: str, s3: Any, bucket: str, *, password: str | None = None) -> tuple[str, Tables]:
    """Put a dump and its manifest into a bucket, and return its name there. Raises DataError.

    The manifest has "tables", and in "archive" what fails of the server's archive, or null.
    """
    name = f"{DUMPS}{datetime.now(UTC).strftime(NAMED)}/"
    try:
        with psycopg.connect(url, password=password) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            (snapshot,) = connection.execute("SELECT pg_export_snapshot()").fetchone() or ("",)
            tables = read(connection)
            words = ("--format=custom", f"--snapshot={snapshot}", f"--dbname={url}")
            with piped("pg_dump", *words, password=password) as process:
                s3.upload_fileobj(process.stdout, bucket, f"{name}{DUMP}", Config=_PARTS)
            (archive,) = connection.execute(_UNARCHIVED).fetchone() or (None,)
        # The manifest comes last: a dump without one isn't whole.
        body = json.dumps({"archive": archive, "tables": tables}, indent=1).encode()
        s3.put_object(Bucket=bucket, Key=f"{name}{MANIFEST}", Body=body)
    except (psycopg.Error, PostgresError, BotoCoreError, ClientError) as error:
        raise DataError(f"The database can't be dumped: {error}") from error
    return name, tables


def main(arguments: list[str] | None = None) -> int:
    """Dump the database of $DATABASE_URL; return 0 when dump and manifest are in the bucket."""
    parser = argparse.ArgumentParser(prog="python -m delivery.data", description=__doc__)
    parser.add_argument("--bucket", required=True)
    given = parser.parse_args(arguments)
    try:
        url, password = os.environ[URL], _password()
        name, tables = dump(url, boto3.client("s3"), given.bucket, password=password)
    except KeyError:
        print(f"FAILED: {URL} isn't set; it must be such as 'postgresql://user@host/notes'.")
        return 1
    except DataError as error:
        print(f"FAILED: {error}")
        return 1
    print(f"{given.bucket}/{name} holds {len(tables)} tables, {number(tables)} rows.")
    return 0


def _password() -> str | None:
    """Return what the file of $DATABASE_PASSWORD_FILE holds, if that is set. Raises DataError."""
    file = os.environ.get(PASSWORD_FILE)
    try:
        return Path(file).read_text().strip() if file else None
    except OSError as error:
        raise DataError(f"{PASSWORD_FILE} can't be read: {error}") from error


if __name__ == "__main__":
    sys.exit(main())
