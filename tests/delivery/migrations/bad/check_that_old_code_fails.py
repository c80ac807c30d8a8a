"""The old code writes notes with an empty body."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("ALTER TABLE notes ADD CONSTRAINT notes_body CHECK (body <> '') NOT VALID")


def downgrade() -> None:
    op.drop_constraint("notes_body", "notes")
