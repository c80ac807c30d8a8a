"""The old code knows the old name."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.alter_column("notes", "title", new_column_name="name")


def downgrade() -> None:
    op.alter_column("notes", "name", new_column_name="title")
