"""Two notes may have the same title, and some have."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_unique_constraint("notes_title", "notes", ["title"])


def downgrade() -> None:
    op.drop_constraint("notes_title", "notes")
