"""Rows for any schema, awkward on purpose."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Enum,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    String,
    Table,
    Time,
    UniqueConstraint,
    Uuid,
    insert,
)
from sqlalchemy.dialects.postgresql import INTERVAL
from sqlalchemy.types import TypeEngine

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


class UnknownType(Exception):
    """A column of a type that the generator can't fill; the message names both."""


def generate(connection: Connection, count: int) -> None:
    """Put `count` rows into each table, the same each time. Raises UnknownType."""
    for table in _tables(connection).sorted_tables:
        connection.execute(insert(table), list(_rows(table, count)))
    connection.commit()


def _tables(connection: Connection) -> MetaData:
    found = MetaData()
    found.reflect(connection)
    if (own := found.tables.get("alembic_version")) is not None:
        found.remove(own)
    return found


def _rows(table: Table, count: int) -> Iterator[dict[str, Any]]:
    columns = [one for one in table.columns if one.computed is None and one.identity is None]
    once = _once(table)
    for number in range(count):
        yield {column.name: _cell(column, column.name in once, number) for column in columns}


def _once(table: Table) -> set[str]:
    """Return the columns that hold each value once, by themselves or with others."""
    kinds = (PrimaryKeyConstraint, UniqueConstraint)
    keys = [one.columns for one in table.constraints if isinstance(one, kinds)]
    keys += [one.columns for one in table.indexes if one.unique]
    return {column.name for columns in keys for column in columns}


def _cell(column: Column[Any], once: bool, number: int) -> Any:
    if column.nullable and number % 3 == 0:
        return None
    if column.foreign_keys:
        return _referred(column, number)
    value = _value(column.type, column.name, once, number)
    if value is None:
        raise UnknownType(
            f"Column {column.table.name}.{column.name} is {column.type!r}; teach rows.py."
        )
    return value


def _referred(column: Column[Any], number: int) -> Any:
    """Return what the row of that number has where `column` refers to."""
    seen = {column}
    while column.foreign_keys:
        column = min(column.foreign_keys, key=lambda one: one.target_fullname).column
        if column in seen:
            break
        seen.add(column)
    if column.identity is not None:
        # Counted by PostgreSQL, from one.
        return number + 1
    return _value(column.type, column.name, True, number)


def _value(kind: TypeEngine[Any], name: str, once: bool, number: int) -> Any:
    """Return a value, of its own for each number if it is to be there once; None if unknown."""
    match kind:
        case Uuid():
            return uuid.uuid5(_NAMESPACE, f"{name} {number}")
        case Enum():
            return kind.enums[number % len(kind.enums)]
        case String():
            value = f"{number}" if once else _TEXTS[number % len(_TEXTS)]
            return value[: kind.length] if kind.length else value
        case Boolean():
            return number % 2 == 0
        case Integer():
            return number if once else number % 7 - 3
        case Float():
            return number / 7
        case Numeric():
            return _decimal(kind, number)
        case DateTime():
            return _START + timedelta(microseconds=number if once else number // 2)
        case Date():
            return (_START + timedelta(days=number)).date()
        case Time():
            return (_START + timedelta(seconds=number)).time()
        case INTERVAL():
            return timedelta(microseconds=number)
        case LargeBinary():
            return f"{number}".encode() if once else bytes([number % 256]) * (number % 5)
        case ARRAY():
            item = _value(kind.item_type, name, once, number)
            return None if item is None else [item] * (1 if once else number % 3)
        case JSON():
            return {"number": number, "texts": list(_TEXTS[:3])}
    return None


def _decimal(kind: Numeric[Any], number: int) -> Decimal:
    """Return a number that the column has digits for, the more of them the more it has."""
    scale = kind.scale or 0
    if kind.precision is None:
        return Decimal(number) / 7
    return Decimal(number % 10**kind.precision).scaleb(-scale)
