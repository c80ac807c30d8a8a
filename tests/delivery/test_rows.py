from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import IntegrityError

from delivery import picture, rows
from delivery.postgres import Postgres

COUNT = 300
_numbers = count()


@pytest.fixture
def make(postgres: Postgres) -> Iterator[Callable[[str], Connection]]:
    """Make a database of this SQL, and connect to it."""
    engine = create_engine(
        postgres.create_database(f"rows{next(_numbers)}").replace(":", "+psycopg:", 1)
    )
    with engine.connect() as connection:

        def make(sql: str) -> Connection:
            connection.exec_driver_sql(sql)
            connection.commit()
            return connection

        yield make
    engine.dispose()


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE a (id uuid PRIMARY KEY); "
        "CREATE TABLE b (id uuid PRIMARY KEY, a_id uuid NOT NULL REFERENCES a); "
        "CREATE TABLE c (b_id uuid PRIMARY KEY REFERENCES b)",
        "CREATE TABLE a (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text); "
        "CREATE TABLE b (a_id bigint REFERENCES a, at timestamptz NOT NULL UNIQUE)",
        "CREATE TABLE a (id uuid PRIMARY KEY, parent uuid NOT NULL REFERENCES a)",
        "CREATE TABLE a (x uuid, y int, PRIMARY KEY (x, y)); "
        "CREATE TABLE b (x uuid, y int, FOREIGN KEY (x, y) REFERENCES a)",
        "CREATE TABLE a (x varchar(9) NOT NULL UNIQUE, y date NOT NULL, z bytea NOT NULL); "
        "CREATE UNIQUE INDEX u ON a (y, z)",
        "CREATE TYPE kind AS ENUM ('x', 'y'); CREATE TABLE a (k kind NOT NULL, ks kind[] NOT NULL)",
        "CREATE TABLE a (a json, b jsonb, c text[], d time, e interval, f float8, g real, h int2)",
        "CREATE TABLE a (a numeric(3, 1), b numeric(4), c numeric, d bool, e char(2), f bytea)",
        'CREATE TABLE "A ""b""" ("c d" text, g text GENERATED ALWAYS AS (upper("c d")) STORED)',
    ],
)
def test_a_release_may_have_any_of_these_tables(
    make: Callable[[str], Connection], sql: str
) -> None:
    connection = make(sql)
    rows.generate(connection, COUNT)
    found = picture.take(connection)
    assert found
    for table in found.values():
        assert len(table) == COUNT
        assert all(any(row[name] is not None for row in table) for name in table[0])
    assert list(picture.differences(found, picture.take(connection))) == []


def test_the_rows_are_the_same_each_time(postgres: Postgres) -> None:
    def once() -> picture.Picture:
        url = postgres.create_database(f"rows{next(_numbers)}", "migrated")
        engine = create_engine(url.replace(":", "+psycopg:", 1))
        with engine.connect() as connection:
            rows.generate(connection, COUNT)
            found = picture.take(connection)
        engine.dispose()
        return found

    assert once() == once()


def test_a_changed_and_a_lost_row_are_told(make: Callable[[str], Connection]) -> None:
    connection = make("CREATE TABLE a (id int PRIMARY KEY, t text); CREATE TABLE b (id int)")
    rows.generate(connection, COUNT)
    before = picture.take(connection)
    make("UPDATE a SET t = 'other' WHERE id IN (1, 2); DELETE FROM b WHERE id = 0")
    kept = COUNT - sum(row["id"] == 0 for row in before["b"])
    assert sorted(picture.differences(before, picture.take(connection))) == [
        "Table a has 2 rows with other values than before.",
        f"Table b had {COUNT} rows and has {kept}.",
    ]


@pytest.mark.parametrize(
    ("sql", "error", "sentence"),
    [
        ("CREATE TABLE a (at inet NOT NULL)", rows.UnknownType, r"a\.at is INET\(\); teach rows"),
        ("CREATE TABLE a (n int NOT NULL CHECK (n > 9))", IntegrityError, "a_n_check"),
    ],
)
def test_what_cannot_be_filled_is_named(
    make: Callable[[str], Connection], sql: str, error: type[Exception], sentence: Any
) -> None:
    connection = make(sql)
    with pytest.raises(error, match=sentence):
        rows.generate(connection, COUNT)
