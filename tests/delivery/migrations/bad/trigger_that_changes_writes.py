"""The old code reads something else than it wrote."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute(
        "CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN NEW.body := upper(NEW.body); RETURN NEW; END'"
    )
    op.execute("CREATE TRIGGER shout BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION shout()")


def downgrade() -> None:
    op.execute("DROP TRIGGER shout ON notes")
    op.execute("DROP FUNCTION shout")
