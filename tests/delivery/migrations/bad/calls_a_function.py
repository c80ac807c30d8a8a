"""What the function changes is no statement of the migration's own."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute(
        "CREATE FUNCTION shout() RETURNS void LANGUAGE sql AS "
        "'UPDATE notes SET title = upper(title)'"
    )
    op.execute("SELECT shout()")
    op.execute("DROP FUNCTION shout()")


def downgrade() -> None:
    op.execute("SELECT 1")
