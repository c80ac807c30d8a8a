"""The tables, as this version of the code needs them."""

from sqlalchemy import Column, DateTime, Index, MetaData, String, Table, Text, Uuid

REQUIRED_REVISION = "0001"
"""The oldest migration that this code can run on. A newer database is fine: see migrations/."""

metadata = MetaData()

notes = Table(
    "notes",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("title", String(200), nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Index("notes_newest_first", "created_at", "id"),
)
