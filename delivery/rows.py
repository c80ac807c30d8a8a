"""Rows for any schema, awkward on purpose, and a picture of all rows to compare."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    Uuid,
    insert,
    inspect,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

_NAMESPACE = uuid.UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
_START = datetime(2020, 1, 1, tzinfo=UTC)
_TEXTS = (
    "",
    "a",
    "A",
    " a ",
    "Größe ≤ 漢字 🎉",
    "'; DROP TABLE notes; --",
    "a\nb\tc",
    "x" * 10_000,
)

Picture = dict[str, list[dict[str, Any]]]
"""Each table's rows, in the order of their text."""


class UnknownType(Exception):
    """A column of a type that the generator can't fill; the message names both."""


def generate(connection: Connection, count: int) -> None:
    """Put `count` rows into each table, the same each time. Raises UnknownType."""
    for table in _tables(connection).sorted_tables:
        connection.execute(insert(table), list(_rows(table, count)))
    connection.commit()


def picture(connection: Connection) -> Picture:
    """Return all rows of all tables, but for Alembic's own."""
    found: Picture = {}
    for name in set(inspect(connection).get_table_names()) - {"alembic_version"}:
        rows = connection.execute(text(f'SELECT t.* FROM "{name}" t ORDER BY t::text'))
        found[name] = [dict(row) for row in rows.mappings()]
    connection.rollback()
    return found


def differences(before: Picture, after: Picture) -> Iterator[str]:
    """Yield a sentence for each table whose rows changed in the columns that both pictures have."""
    for name, rows in before.items():
        if name not in after:
            continue
        columns = set(rows[0] if rows else ()) & set(after[name][0] if after[name] else ())
        kept = [_values(row, columns) for row in rows]
        now = [_values(row, columns) for row in after[name]]
        if len(kept) != len(now):
            yield f"Table {name} had {len(kept)} rows and has {len(now)}."
        elif changed := len(set(kept) - set(now)):
            yield f"Table {name} has {changed} rows with other values than before."


def _values(row: dict[str, Any], columns: set[str]) -> str:
    return repr([(name, row[name]) for name in sorted(columns)])


def _tables(connection: Connection) -> MetaData:
    found = MetaData()
    found.reflect(connection)
    if (own := found.tables.get("alembic_version")) is not None:
        found.remove(own)
    return found


def _rows(table: Table, count: int) -> Iterator[dict[str, Any]]:
    columns = [column for column in table.columns if column.computed is None]
    for number in range(count):
        yield {column.name: _value(column, number) for column in columns}


def _value(column: Column[Any], number: int) -> Any:
    if column.nullable and number % 3 == 0:
        return None
    own = column.primary_key or column.unique
    kind = column.type
    match kind:
        case Uuid():
            return uuid.uuid5(_NAMESPACE, f"{column.name} {number}")
        case String():
            value = f"{number}" if own else _TEXTS[number % len(_TEXTS)]
            return value[: kind.length] if kind.length else value
        case Boolean():
            return number % 2 == 0
        case Integer():
            return number if own else number % 7 - 3
        case Numeric():
            return Decimal(number) / 7
        case DateTime():
            return _START + timedelta(microseconds=number // 2)
        case Date():
            return (_START + timedelta(days=number)).date()
        case JSONB():
            return {"number": number, "texts": list(_TEXTS[:3])}
    raise UnknownType(f"Column {column.table.name}.{column.name} is {kind!r}; teach rows.py.")
