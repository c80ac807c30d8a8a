"""The downgrade leaves the index."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("notes", sa.Column("owner", sa.Text()))
    op.create_table("owners", sa.Column("id", sa.Uuid(), primary_key=True))


def downgrade() -> None:
    op.drop_column("notes", "owner")
