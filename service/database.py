"""The pool, and what a lost database means to a request."""

import logging
import select
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import psycopg
from psycopg import errors
from sqlalchemy import event, exc, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import QueuePool

from service.connection import Connector
from service.schema import REQUIRED_REVISION
from service.settings import Settings

_logger = logging.getLogger(__name__)

_RECYCLE_SECONDS = 300
"""How long a connection lives, so that a password or a primary that changed is followed."""


class DatabaseUnavailable(Exception):
    """The database could not be asked now; the same request may succeed later."""


class Database:
    """A bounded pool of connections, each statement its own transaction, every wait with an end."""

    def __init__(self, settings: Settings) -> None:
        connector = Connector(settings)
        self._engine = _engine(settings, connector, settings.database_pool_size)
        # Busy is not unready: the pods that are left would only get busier.
        self._readiness = _engine(settings, connector, 1)
        self.wait_seconds = settings.database_pool_wait_seconds
        """How long a request may wait for its turn."""

    def connection(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Lend a connection. Raises DatabaseUnavailable, also for what happens while it is lent."""
        return _lent(self._engine)

    async def schema_problem(self) -> str:
        """Return what is wrong with the schema for this code in a sentence, or nothing.

        Raises DatabaseUnavailable.
        """
        async with _lent(self._readiness) as connection:
            try:
                rows = await connection.execute(text("SELECT version_num FROM alembic_version"))
                found = rows.scalar_one_or_none()
            except exc.ProgrammingError as error:
                if not isinstance(error.orig, errors.UndefinedTable):
                    raise
                found = None
        # Revisions are numbers of equal length: see migrations/.
        if found is not None and found >= REQUIRED_REVISION:
            return ""
        return (
            f"The schema is at {found or 'no revision'}; it must be {REQUIRED_REVISION} or newer."
        )

    def in_use(self) -> int:
        """Return how many connections are lent to requests."""
        pool = self._engine.pool
        assert isinstance(pool, QueuePool)
        return pool.checkedout()

    async def close(self) -> None:
        await self._engine.dispose()
        await self._readiness.dispose()


def _engine(settings: Settings, connector: Connector, size: int) -> AsyncEngine:
    engine = create_async_engine(
        "postgresql+psycopg://",
        async_creator=connector.connect,
        # Every operation is one statement, so a transaction around it would only cost
        # two more round trips.
        isolation_level="AUTOCOMMIT",
        pool_reset_on_return=None,
        # What people write in notes is not for the log.
        hide_parameters=True,
        pool_size=size,
        max_overflow=0,
        pool_timeout=settings.database_pool_wait_seconds,
        pool_recycle=_RECYCLE_SECONDS,
        pool_use_lifo=True,
    )
    event.listen(engine.sync_engine, "handle_error", leave_out_rows)
    event.listen(engine.sync_engine, "handle_error", _leave_old_primary)
    event.listen(engine.sync_engine, "checkout", _replace_ended)
    return engine


@asynccontextmanager
async def _lent(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    try:
        async with engine.connect() as connection:
            yield connection
    except (exc.TimeoutError, psycopg.OperationalError, OSError) as error:
        raise DatabaseUnavailable(str(error)) from error
    except exc.DBAPIError as error:
        if _passes(error):
            raise DatabaseUnavailable(str(error.orig)) from error
        raise


def leave_out_rows(context: ExceptionContext) -> None:
    """Leave out PostgreSQL's details of an error, which quote rows, before anybody logs them."""
    error = context.original_exception
    if isinstance(error, psycopg.Error) and error.diag.message_detail:
        error.args = (error.diag.message_primary,)
        if context.sqlalchemy_exception is not None:
            context.sqlalchemy_exception.args = error.args


def _passes(error: exc.DBAPIError) -> bool:
    return error.connection_invalidated or isinstance(
        error.orig, psycopg.OperationalError | errors.ReadOnlySqlTransaction
    )


def _replace_ended(connection: Any, *_: object) -> None:
    """Have the pool make another one of a connection that its server ended while nobody used it.

    Nothing is asked of the server: an idle one has said something only when it said goodbye.
    """
    poll = select.poll()
    poll.register(connection.driver_connection.fileno(), select.POLLIN)
    if poll.poll(0):
        raise exc.DisconnectionError


def _leave_old_primary(context: ExceptionContext) -> None:
    """Drop the connections to a server that became a standby under them."""
    if isinstance(context.original_exception, errors.ReadOnlySqlTransaction):
        context.is_disconnect = True
    if context.is_disconnect:
        _logger.warning("lost the database: %s", context.original_exception)
