"""A picture of all rows of a database, to compare with another."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, inspect, text

Picture = dict[str, list[dict[str, Any]]]
"""Each table's rows, in the order of their text."""


def take(connection: Connection) -> Picture:
    """Return all rows of all tables, but for Alembic's own."""
    found: Picture = {}
    for name in set(inspect(connection).get_table_names()) - {"alembic_version"}:
        quoted = connection.dialect.identifier_preparer.quote(name)
        rows = connection.execute(text(f"SELECT t.* FROM {quoted} t ORDER BY t::text"))
        found[name] = [dict(row) for row in rows.mappings()]
    connection.rollback()
    return found


def common(before: Picture, after: Picture) -> Picture:
    """Return what was before, less the tables and the columns that are not there after."""
    found: Picture = {}
    for name in before.keys() & after.keys():
        columns = {column for row in after[name][:1] for column in row}
        found[name] = [
            {column: value for column, value in row.items() if column in columns}
            for row in before[name]
        ]
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
