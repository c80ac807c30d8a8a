from collections.abc import Callable
from itertools import count

import psycopg
import pytest

from delivery.postgres import Postgres
from delivery.schema import first_difference

TABLES = "CREATE TABLE a (id int, owner text); CREATE TABLE b (id int, owner text)"
FUNCTION = (
    "CREATE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN\n"
    "  NEW.owner := '{}';\n  RETURN NEW;\nEND;$$"
)
_numbers = count()


@pytest.fixture
def schema(postgres: Postgres) -> Callable[..., str]:
    """What pg_dump tells of a database that SQL has made."""

    def schema(*statements: str) -> str:
        name = f"schema{next(_numbers)}"
        with psycopg.connect(postgres.create_database(name), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)
        return postgres.dump(name, "--schema-only")

    return schema


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("ALTER TABLE a DROP COLUMN owner", "'CREATE TABLE public.a (owner text' is gone."),
        ("ALTER TABLE b ADD COLUMN more int", "'CREATE TABLE public.b (more integer' is new."),
        ("ALTER TABLE a ALTER COLUMN owner TYPE varchar(9)", "public.a (owner text' is gone."),
        ("CREATE INDEX ON a (id)", "'CREATE INDEX a_id_idx ON public.a USING btree (id);' is new."),
        (FUNCTION.format("f", "other"), "CREATE FUNCTION public.f() RETURNS trigger"),
    ],
)
def test_a_difference_in_one_table_is_told_although_another_has_the_same(
    schema: Callable[..., str], change: str, sentence: str
) -> None:
    change = change.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
    before = [TABLES, FUNCTION.format("f", "one"), FUNCTION.format("g", "other")]
    assert sentence in first_difference(schema(*before), schema(*before, change))


def test_a_column_that_moved_to_another_table_is_told(schema: Callable[..., str]) -> None:
    moved = "ALTER TABLE a ADD COLUMN more int; ALTER TABLE a DROP COLUMN owner"
    before = "CREATE TABLE a (id int, owner text); CREATE TABLE b (id int, more int)"
    after = schema(before, moved, "ALTER TABLE b ADD COLUMN owner text, DROP COLUMN more")
    assert first_difference(schema(before), after) == "'CREATE TABLE public.a (owner text' is gone."


def test_columns_may_change_places(schema: Callable[..., str]) -> None:
    again = "ALTER TABLE a DROP COLUMN id; ALTER TABLE a ADD COLUMN id int"
    assert first_difference(schema(TABLES), schema(TABLES, again)) == ""
