"""A database's rows, dumped with their counts and checksums, and proven by restoring the dump.

Manifest and dump are of one snapshot of the database, so they agree however much is written
meanwhile.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import psycopg
from botocore.exceptions import BotoCoreError, ClientError
from psycopg import sql

from delivery.postgres import PostgresError, programs, temporary

DUMPS = "dumps/"
_DUMP, _MANIFEST = "database.dump", "manifest.json"
_CHUNK = 10_000

Manifest = dict[str, dict[str, Any]]
"""Table → its rows' number and their checksum."""


class DataError(Exception):
    """A dump that can't be made or restored; the message says why."""


def picture(connection: "psycopg.Connection[Any]") -> Manifest:
    """Return number and checksum of the rows of each table, in the order of their text."""
    named = "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', "
    named += "'information_schema') ORDER BY 1, 2"
    found: Manifest = {}
    # What a row's text is must not depend on whose session reads it.
    connection.execute("SET LOCAL timezone = 'UTC'")
    connection.execute("SET LOCAL extra_float_digits = 3")
    for schema, table in connection.execute(named).fetchall():
        query = sql.SQL('SELECT t::text FROM {} t ORDER BY t::text COLLATE "C"').format(
            sql.Identifier(schema, table)
        )
        digest, count = hashlib.sha256(), 0
        with connection.cursor(name="rows") as rows:
            rows.itersize = _CHUNK
            for (text,) in rows.execute(query):
                digest.update(f"{text}\n".encode())
                count += 1
        found[f"{schema}.{table}"] = {"rows": count, "sha256": digest.hexdigest()}
    return found


def dump(url: str, s3: Any, bucket: str) -> tuple[str, Manifest]:
    """Put a dump and its manifest into a bucket, and return its name there. Raises DataError."""
    name = f"{DUMPS}{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}/"
    with tempfile.TemporaryDirectory(prefix="dump-") as folder:
        file = Path(folder, _DUMP)
        try:
            with psycopg.connect(url) as connection:
                connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                connection.read_only = True
                (snapshot,) = connection.execute("SELECT pg_export_snapshot()").fetchone() or ("",)
                manifest = picture(connection)
                _run(
                    "pg_dump", "-Fc", f"--snapshot={snapshot}", f"--file={file}", f"--dbname={url}"
                )
            # The manifest comes last: a dump without one isn't whole.
            with file.open("rb") as body:
                s3.put_object(Bucket=bucket, Key=f"{name}{_DUMP}", Body=body)
            text = json.dumps(manifest, indent=1).encode()
            s3.put_object(Bucket=bucket, Key=f"{name}{_MANIFEST}", Body=text)
        except (psycopg.Error, PostgresError, BotoCoreError, ClientError) as error:
            raise DataError(f"The database can't be dumped: {error}") from error
    return name, manifest


def check_data(s3: Any, bucket: str) -> tuple[int, list[str]]:
    """Restore the newest dump; return the rows that it was made of, and what isn't as it was."""
    try:
        name = _newest(s3, bucket)
        if name is None:
            return 0, [f"There is no dump of the database's rows in {bucket}/{DUMPS}."]
        manifest: Manifest = json.loads(_get(s3, bucket, f"{name}{_MANIFEST}"))
        now = _restored(_get(s3, bucket, f"{name}{_DUMP}"))
    except (BotoCoreError, ClientError, PostgresError, psycopg.Error, ValueError) as error:
        return 0, [f"The dump of the database can't be restored: {error}"]
    return sum(table["rows"] for table in manifest.values()), list(_apart(name, manifest, now))


def _apart(name: str, before: Manifest, now: Manifest) -> Any:
    for table in sorted(set(before) | set(now)):
        was, has = before.get(table), now.get(table)
        if was is None or has is None:
            yield f"The dump {name} {'has a new' if was is None else 'lacks'} table {table}."
        elif was["rows"] != has["rows"]:
            yield f"Table {table} of {name} had {was['rows']} rows and has {has['rows']}."
        elif was["sha256"] != has["sha256"]:
            yield f"Table {table} of {name} has rows with other values than when it was dumped."


def _newest(s3: Any, bucket: str) -> str | None:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=DUMPS)
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    whole = [key.removesuffix(_MANIFEST) for key in keys if key.endswith(_MANIFEST)]
    return max(whole, default=None)


def _get(s3: Any, bucket: str, key: str) -> bytes:
    body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return body


def _restored(body: bytes) -> Manifest:
    """Return the picture of a dump, restored into a server of its own."""
    with temporary() as (server,), tempfile.NamedTemporaryFile() as file:
        file.write(body)
        file.flush()
        url = server.create_database("restored")
        _run(
            "pg_restore", "--exit-on-error", "--no-owner", "--no-acl", f"--dbname={url}", file.name
        )
        with psycopg.connect(url) as connection:
            return picture(connection)


def _run(program: str, *arguments: str) -> None:
    with programs() as folder:
        done = subprocess.run(
            [str(folder / program), *arguments],
            capture_output=True,
            text=True,
            env={"PATH": os.defpath, "LC_ALL": "C"},
        )
    if done.returncode:
        raise PostgresError(f"{program} failed: {done.stderr.strip()}")


def main(arguments: list[str] | None = None) -> int:
    """Dump the database of $DATABASE_URL; return 0 when dump and manifest are in the bucket."""
    parser = argparse.ArgumentParser(prog="python -m delivery.data", description=__doc__)
    parser.add_argument("--bucket", required=True)
    given = parser.parse_args(arguments)
    try:
        url = os.environ["DATABASE_URL"]
        name, manifest = dump(url, boto3.client("s3"), given.bucket)
    except KeyError:
        print("FAILED: DATABASE_URL isn't set; it must be such as 'postgresql://user@host/notes'.")
        return 1
    except DataError as error:
        print(f"FAILED: {error}")
        return 1
    rows = sum(table["rows"] for table in manifest.values())
    print(f"{given.bucket}/{name} holds {len(manifest)} tables, {rows} rows.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
