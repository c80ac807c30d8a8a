"""The old code still reads it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.drop_column("notes", "body")


def downgrade() -> None:
    op.add_column("notes", sa.Column("body", sa.Text(), nullable=False, server_default=""))
