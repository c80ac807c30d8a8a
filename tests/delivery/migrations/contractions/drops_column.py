"""Nobody uses it any more; the way back has it again, without what was in it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
contracts = "0.2.0"


def upgrade() -> None:
    op.drop_column("notes", "owner")


def downgrade() -> None:
    op.add_column("notes", sa.Column("owner", sa.Text()))
