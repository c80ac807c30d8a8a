"""What Alembic runs: each migration in a transaction of its own."""

from alembic import context
from sqlalchemy import Connection

from service.schema import metadata

connection: Connection | None = context.config.attributes["connection"]
if connection is None:
    context.configure(dialect_name="postgresql", target_metadata=metadata, literal_binds=True)
else:
    context.configure(
        connection=connection, target_metadata=metadata, transaction_per_migration=True
    )
with context.begin_transaction():
    context.run_migrations()
