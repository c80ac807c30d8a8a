"""Every row stays locked until the last is filled."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("notes", sa.Column("owner", sa.Text()))
    op.execute("UPDATE notes SET owner = 'nobody'")


def downgrade() -> None:
    op.drop_column("notes", "owner")
