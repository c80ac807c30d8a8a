"""The old code knows the old name."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.rename_table("notes", "entries")


def downgrade() -> None:
    op.rename_table("entries", "notes")
