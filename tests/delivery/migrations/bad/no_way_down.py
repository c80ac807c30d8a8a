"""The release could not be taken back."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("notes", sa.Column("owner", sa.Text()))


def downgrade() -> None:
    pass
