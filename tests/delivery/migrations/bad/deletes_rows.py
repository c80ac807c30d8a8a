"""What people wrote is not the migration's to delete."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("DELETE FROM notes WHERE body = ''")


def downgrade() -> None:
    op.execute("SELECT 1")
