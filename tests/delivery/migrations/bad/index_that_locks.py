"""Nobody can write while it is built."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_index("notes_title", "notes", ["title"])


def downgrade() -> None:
    op.drop_index("notes_title", "notes")
