"""A dump is proven by its rows, and what is wrong with one is named."""

import errno
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from boto3.s3.transfer import TransferConfig

from delivery import data, data_check, tables
from delivery.data import DUMP, DUMPS, MANIFEST, NAMED, DataError, dump, main
from delivery.data_check import check_data
from delivery.postgres import Postgres, temporary
from delivery.process import wait_for
from k8s import database_dump
from mindforce import backup_bucket
from tests.local_aws.conftest import serving
from tests.local_aws.support import ACCOUNT, REGION, Account

HOURS = 26
_numbers = count()
_TABLES = (
    "CREATE TABLE notes (id int PRIMARY KEY, at timestamptz, price float, body bytea)",
    "INSERT INTO notes SELECT n, now(), n / 7.0, sha256(n::text::bytea) "
    "FROM generate_series(1, 300) n",
    "CREATE TABLE \"Odd; name\" (t text); INSERT INTO \"Odd; name\" VALUES (NULL), ('a'), ('a')",
    "CREATE TABLE parts (n int) PARTITION BY RANGE (n)",
    "CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (9); INSERT INTO parts VALUES (1)",
)
ROWS = 300 + 3 + 1


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with serving(tmp_path_factory.mktemp("aws"), tmp_path_factory.mktemp("charts")) as server:
        yield Account(server, ACCOUNT)


@pytest.fixture
def s3(account: Account) -> Any:
    return account.client("s3")


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"backups-{next(_numbers)}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return name


@pytest.fixture
def url(postgres: Postgres) -> str:
    made = postgres.create_database(f"data{next(_numbers)}")
    with psycopg.connect(made) as connection:
        for statement in _TABLES:
            connection.execute(statement)
    return made


def _named(ago: timedelta) -> str:
    return f"{DUMPS}{(datetime.now(UTC) - ago).strftime(NAMED)}/"


def _move(s3: Any, bucket: str, name: str, other: str, *files: str) -> None:
    for file in files:
        body = s3.get_object(Bucket=bucket, Key=f"{name}{file}")["Body"].read()
        s3.put_object(Bucket=bucket, Key=f"{other}{file}", Body=body)
    for file in (DUMP, MANIFEST):
        s3.delete_object(Bucket=bucket, Key=f"{name}{file}")


def test_a_dump_has_the_rows_of_its_moment_whoever_reads_them(
    s3: Any, bucket: str, url: str, postgres: Postgres
) -> None:
    name, made = dump(url, s3, bucket)
    assert made["public.notes"]["rows"] == 300
    with psycopg.connect(url, autocommit=True) as connection:
        database = url.rpartition("/")[2]
        connection.execute(f"ALTER DATABASE {database} SET timezone = 'Asia/Tokyo'")
        connection.execute(f"ALTER DATABASE {database} SET extra_float_digits = -3")
        connection.execute("CLUSTER notes USING notes_pkey")
    with psycopg.connect(url) as connection:
        assert tables.read(connection) == made
        connection.execute("UPDATE public.notes SET price = price + 1 WHERE id = 7")
        changed = tables.read(connection)
    assert [one for one in made if made[one] != changed[one]] == ["public.notes"]
    assert check_data(s3, bucket, max_age_hours=HOURS) == (ROWS, [])
    assert name in str(s3.list_objects_v2(Bucket=bucket, Prefix=DUMPS)["Contents"])


def test_a_dump_in_parts_is_whole(
    s3: Any, bucket: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(url) as connection:
        # Noise, which compression leaves as it is: three parts.
        connection.execute(
            "CREATE TABLE noise AS SELECT string_agg(sha256(format('%s %s', n, m)::bytea), '') "
            "FROM generate_series(1, 12000) n, generate_series(1, 32) m GROUP BY n"
        )
    monkeypatch.setattr(data, "_PARTS", TransferConfig(5 * 2**20, 10, 5 * 2**20))
    name, _ = dump(url, s3, bucket)
    assert s3.head_object(Bucket=bucket, Key=f"{name}{DUMP}")["ContentLength"] > 10 * 2**20
    assert check_data(s3, bucket, max_age_hours=HOURS) == (ROWS + 12000, [])


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE notes SET price = 0 WHERE id = 7", "public.notes of {} has rows with other value"),
        ("DELETE FROM notes WHERE id = 7", "public.notes of {} had 300 rows and has 299."),
        ("UPDATE parts SET n = 2", "public.part of {} has rows with other values than when it"),
        ("DROP TABLE notes", "The dump {} lacks table public.notes."),
        ("CREATE TABLE more (n int)", "The dump {} has a new table public.more."),
    ],
)
def test_what_was_altered_is_named(
    s3: Any, bucket: str, url: str, statement: str, said: str
) -> None:
    before, _ = dump(url, s3, bucket)
    with psycopg.connect(url) as connection:
        connection.execute(statement)
    kept = s3.get_object(Bucket=bucket, Key=f"{before}{MANIFEST}")["Body"].read()
    after, _ = dump(url, s3, bucket)
    s3.put_object(Bucket=bucket, Key=f"{after}{MANIFEST}", Body=kept)
    _, (problem,) = check_data(s3, bucket, max_age_hours=HOURS)
    assert said.format(after) in problem


def test_a_bucket_without_a_dump_that_can_be_proven_is_told(
    s3: Any, bucket: str, url: str, postgres: Postgres
) -> None:
    def problem() -> str:
        rows, (said,) = check_data(s3, bucket, max_age_hours=HOURS)
        assert rows == 0
        return said

    assert problem() == f"There is no dump of rows in {bucket}/dumps/."
    s3.put_object(Bucket=bucket, Key=f"{DUMPS}README/{MANIFEST}", Body=b"{}")
    assert problem() == f"There is no dump of rows in {bucket}/dumps/."
    torn = _named(timedelta(hours=2))
    s3.put_object(Bucket=bucket, Key=f"{torn}{DUMP}", Body=b"PGDMP")
    assert problem() == f"The dump {torn} has no manifest, so it isn't whole."
    s3.delete_object(Bucket=bucket, Key=f"{torn}{DUMP}")
    name, _ = dump(url, s3, bucket)
    old = _named(timedelta(hours=HOURS + 1))
    _move(s3, bucket, name, old, DUMP, MANIFEST)
    assert problem() == f"The newest dump, {old}, is 27 h old; it may be 26."
    fresh = _named(timedelta(hours=1))
    _move(s3, bucket, old, fresh, MANIFEST)
    assert "can't be restored: An error occurred (NoSuchKey)" in problem()
    s3.put_object(Bucket=bucket, Key=f"{fresh}{DUMP}", Body=b"PGDMP, but not much of it" * 1000)
    assert "can't be restored: pg_restore failed: " in problem()
    s3.put_object(Bucket=bucket, Key=f"{fresh}{MANIFEST}", Body=b"{")
    assert "can't be restored: Expecting property name" in problem()
    for wrong in ("[]", "{}", '{"tables": {"a": 1}, "archive": null}', '{"tables": {}}'):
        s3.put_object(Bucket=bucket, Key=f"{fresh}{MANIFEST}", Body=wrong.encode())
        said = f"can't be restored: {fresh}{MANIFEST} isn't what a dump writes of its tables."
        assert problem().endswith(said)
    s3.delete_object(Bucket=bucket, Key=f"{fresh}{MANIFEST}")
    empty, _ = dump(postgres.create_database(f"empty{next(_numbers)}"), s3, bucket)
    assert problem() == f"The dump {empty} is empty: it holds no row."


def test_a_dump_that_is_cut_off_is_told(s3: Any, bucket: str, url: str) -> None:
    name, _ = dump(url, s3, bucket)
    body = s3.get_object(Bucket=bucket, Key=f"{name}{DUMP}")["Body"].read()
    for share in (0.0, 0.1, 0.5, 0.95):
        cut = body[: int(len(body) * share)]
        s3.put_object(Bucket=bucket, Key=f"{name}{DUMP}", Body=cut)
        rows, (problem,) = check_data(s3, bucket, max_age_hours=HOURS)
        assert (rows, problem[:40]) == (0, "The dump of the database can't be restor")


def test_a_machine_that_can_not_hold_the_rows_is_told(
    s3: Any, bucket: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dump(url, s3, bucket)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("delivery.data_check.temporary", full)
    _, (problem,) = check_data(s3, bucket, max_age_hours=HOURS)
    assert problem.endswith("can't be restored: [Errno 28] No space left on device")


def test_a_dump_that_broke_off_is_told_beside_the_one_before(
    s3: Any, bucket: str, url: str
) -> None:
    name, _ = dump(url, s3, bucket)
    _move(s3, bucket, name, _named(timedelta(hours=3)), DUMP, MANIFEST)
    going_on, torn = _named(timedelta(minutes=5)), _named(timedelta(hours=2))
    for one in (going_on, torn):
        s3.put_object(Bucket=bucket, Key=f"{one}{DUMP}", Body=b"")
    assert check_data(s3, bucket, max_age_hours=HOURS) == (
        ROWS,
        [f"The dump {torn} has no manifest, so it isn't whole."],
    )


def test_an_archive_that_fails_is_told_beside_a_dump_that_is_whole(s3: Any, bucket: str) -> None:
    with temporary() as (server,):
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("CREATE TABLE notes AS SELECT 1 AS id")
            connection.execute("ALTER SYSTEM SET archive_mode = 'on'")
            connection.execute("ALTER SYSTEM SET archive_command = 'true'")
        server.stop("fast")
        server.start()

        def archived(command: str, outcome: str) -> list[str]:
            """What the drill says once that has become of a segment."""
            with psycopg.connect(server.url(), autocommit=True) as connection:
                connection.execute(f"ALTER SYSTEM SET archive_command = '{command}'")
                connection.execute("SELECT pg_reload_conf()")
                count = f"SELECT {outcome}_count FROM pg_stat_archiver"
                (before,) = connection.execute(count).fetchone() or (0,)
                connection.execute("CREATE TABLE IF NOT EXISTS made (n int); DROP TABLE made")
                connection.execute("SELECT pg_switch_wal()")
                wait_for(lambda: connection.execute(count).fetchone() != (before,), 90)
            dump(server.url(), s3, bucket)
            rows, problems = check_data(s3, bucket, max_age_hours=HOURS)
            assert rows == 1
            return problems

        assert archived("true", "archived") == []
        (problem,) = archived("false", "failed")
        said = r"When dumps/\S+ was dumped, the database's archive failed: [0-9A-F]{24} wasn't arch"
        assert re.match(said, problem)


def test_a_dump_that_fails_leaves_nothing_that_counts(
    account: Account, s3: Any, bucket: str, url: str, postgres: Postgres
) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE ROLE stranger LOGIN")
    stranger = url.replace("postgres@", "stranger@")
    with pytest.raises(DataError, match="can't be dumped: permission denied for table"):
        dump(stranger, s3, bucket)
    with pytest.raises(DataError, match=r"can't be dumped: .*NoSuchBucket"):
        dump(url, s3, "nowhere-at-all")
    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    account.client("iam").create_role(RoleName="nobody", AssumeRolePolicyDocument=document)
    denied = account.assume("nobody").client("s3")
    with pytest.raises(DataError, match=r"can't be dumped: .*AccessDenied"):
        dump(url, denied, bucket)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    _, (problem,) = check_data(denied, bucket, max_age_hours=HOURS)
    assert "can't be restored: An error occurred (AccessDenied)" in problem


def test_settings_that_are_missing_or_wrong_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert main(["--bucket=b"]) == 1
    assert capsys.readouterr().out.startswith("FAILED: DATABASE_URL isn't set; it must be such as")
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setenv("DATABASE_PASSWORD_FILE", str(tmp_path / "none"))
    assert main(["--bucket=b"]) == 1
    assert "FAILED: DATABASE_PASSWORD_FILE can't be read: " in capsys.readouterr().out
    (tmp_path / "none").write_text("secret\n")
    assert main(["--bucket=b"]) == 1
    said = capsys.readouterr().out
    assert "FAILED: The database can't be dumped: " in said
    assert "secret" not in said


def test_names_and_times_in_chart_and_code_are_one() -> None:
    assert backup_bucket.DUMPS == DUMPS
    assert data_check.LIMIT_SECONDS == database_dump.LIMIT_SECONDS
