"""Nobody can write while all rows are checked."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_check_constraint("notes_times", "notes", "updated_at >= created_at")


def downgrade() -> None:
    op.drop_constraint("notes_times", "notes")
