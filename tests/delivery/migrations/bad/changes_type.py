"""The whole table is written anew, and nobody can read it meanwhile."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.alter_column("notes", "title", type_=sa.String(50), postgresql_using="left(title, 50)")


def downgrade() -> None:
    op.alter_column("notes", "title", type_=sa.String(200))
