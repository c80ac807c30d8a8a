"""Connections to PostgreSQL that can't hang."""

import asyncio
import os
import socket
from typing import Any

import psycopg

from service.settings import Settings

_GRACE_SECONDS = 1.0
"""How much longer we wait than the server's own limit, so that its clearer error comes first."""


class BoundedConnection(psycopg.AsyncConnection[Any]):
    """A connection on which no exchange with the server outlasts `limit_seconds`.

    The server's statement_timeout is no help when the server itself is stopped or the network
    drops packets. Then the socket is shut down, which ends the wait as a lost connection;
    cancelling would ask the same silent server and wait for its answer.
    """

    limit_seconds = 30.0

    async def wait(self, *args: Any, **kwargs: Any) -> Any:
        timer = asyncio.get_running_loop().call_later(self.limit_seconds, self._hang_up)
        try:
            return await super().wait(*args, **kwargs)
        finally:
            timer.cancel()

    def _hang_up(self) -> None:
        if not self.closed:
            with socket.socket(fileno=os.dup(self.fileno())) as duplicate:
                duplicate.shutdown(socket.SHUT_RDWR)


async def connect(settings: Settings) -> BoundedConnection:
    """Return a connection, to the primary where several hosts are named.

    Raises psycopg.OperationalError when none could be had in `database_connect_seconds`.
    """
    milliseconds = int(settings.database_statement_seconds * 1000)
    conninfo: dict[str, Any] = {
        "application_name": "service",
        "keepalives_idle": "10",
        "keepalives_interval": "5",
        "keepalives_count": "3",
        # Per host, so that one that is silent leaves time for the next; psycopg's least is 2.
        "connect_timeout": "2",
        **settings.conninfo(
            f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds} "
            f"-c idle_in_transaction_session_timeout={2 * milliseconds}"
        ),
    }
    try:
        async with asyncio.timeout(settings.database_connect_seconds):
            connection = await BoundedConnection.connect(autocommit=True, **conninfo)
    except TimeoutError as error:
        seconds = settings.database_connect_seconds
        raise psycopg.OperationalError(f"no connection within {seconds:g} s") from error
    connection.limit_seconds = settings.database_statement_seconds + _GRACE_SECONDS
    return connection
