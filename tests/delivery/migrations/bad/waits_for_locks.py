"""While it waits for the lock, everybody who comes later waits behind it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10min'")
    op.add_column("notes", sa.Column("owner", sa.Text()))


def downgrade() -> None:
    op.drop_column("notes", "owner")
