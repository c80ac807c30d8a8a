"""What people wrote is not the migration's to change."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("UPDATE notes SET title = upper(title)")


def downgrade() -> None:
    op.execute("UPDATE notes SET title = lower(title)")
