"""There are rows already, which have no value for it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("notes", sa.Column("owner", sa.Text(), nullable=False))


def downgrade() -> None:
    op.drop_column("notes", "owner")
