"""Nobody uses it any more; the way back has it again, without its rows."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
contracts = "0.2.0"


def upgrade() -> None:
    # Who deletes a note locks the notes first and then the labels: so do we, against deadlocks.
    op.execute("LOCK TABLE notes IN ACCESS EXCLUSIVE MODE")
    op.drop_table("labels")


def downgrade() -> None:
    op.create_table(
        "labels",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column(
            "note_id", sa.Uuid(), sa.ForeignKey("notes.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("name", sa.Text(), nullable=False),
    )
