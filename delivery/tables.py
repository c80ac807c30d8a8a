"""Each table's rows by their number and a checksum, to compare a database with what it was."""

from typing import Any

import psycopg
from psycopg import sql

Tables = dict[str, dict[str, Any]]
"""Table → its rows' number and their checksum."""

# What a row's text is must not depend on whose session reads it, and rows that a policy hides are
# an error instead of missing.
_SETTINGS = {
    "bytea_output": "hex",
    "datestyle": "ISO",
    "extra_float_digits": "1",
    "intervalstyle": "postgres",
    "row_security": "off",
    "search_path": "pg_catalog",
    "timezone": "UTC",
}
_NAMED = """SELECT schemaname, tablename FROM pg_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2"""
# A sum has no order, so the server neither sorts a table nor sends it: on a primary, either would
# take its disk or its time. ONLY, since partitions and heirs stand for themselves.
_SUM = """SELECT count(*), coalesce(sum(
    ('x' || encode(substr(sha256(convert_to(t::text, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint
), 0)::text FROM ONLY {} t"""


def read(connection: "psycopg.Connection[Any]") -> Tables:
    """Return number and checksum of the rows of each table; the sum of 64 bits of their hashes."""
    for name, value in _SETTINGS.items():
        connection.execute("SELECT set_config(%s, %s, true)", [name, value])
    found: Tables = {}
    for schema, table in connection.execute(_NAMED).fetchall():
        query = sql.SQL(_SUM).format(sql.Identifier(schema, table))
        ((rows, checksum),) = connection.execute(query).fetchall()
        found[f"{schema}.{table}"] = {"rows": rows, "checksum": checksum}
    return found


def number(tables: Tables) -> int:
    """Return how many rows all tables have."""
    return sum(table["rows"] for table in tables.values())
