"""The old code's requests fail while it runs."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("LOCK TABLE notes IN ACCESS EXCLUSIVE MODE")
    op.execute("SELECT pg_sleep(3)")
    op.add_column("notes", sa.Column("owner", sa.Text()))


def downgrade() -> None:
    op.drop_column("notes", "owner")
