"""Connections to PostgreSQL that can't hang."""

import asyncio
import logging
import os
import socket
from collections.abc import Mapping
from typing import Any

import psycopg

from service.settings import Settings

_logger = logging.getLogger(__name__)

_REFUSED = "password authentication failed"
"""What PostgreSQL says; a connection that fails has no SQLSTATE."""
_GRACE_SECONDS = 1.0
"""How much longer we wait than the server's own limit, so that its clearer error comes first."""

KEEPALIVES = {"keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "3"}
"""Seconds, and a number: a server whose machine is lost counts as gone after 25 s of silence."""


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


class Connector:
    """Makes connections, also while a new password is known here and not yet to the server.

    The one that was taken last is kept in memory for that time, which a rotation has.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._taken = ""

    async def connect(self) -> BoundedConnection:
        """Return a connection, to the primary where several hosts are named.

        Raises psycopg.OperationalError when none could be had in `database_connect_seconds`.
        """
        milliseconds = int(self._settings.database_statement_seconds * 1000)
        given = self._settings.conninfo(
            f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds} "
            f"-c idle_in_transaction_session_timeout={2 * milliseconds}"
        )
        password = given.get("password", "")
        try:
            connection = await _connect(self._settings, given)
        except psycopg.OperationalError as error:
            if self._taken in ("", password) or _REFUSED not in str(error):
                raise
            _logger.warning("the database doesn't take the new password yet")
            return await _connect(self._settings, {**given, "password": self._taken})
        self._taken = password
        return connection


async def _connect(settings: Settings, given: Mapping[str, str]) -> BoundedConnection:
    conninfo: dict[str, Any] = {
        "application_name": "service",
        **KEEPALIVES,
        # Per host, so that one that is silent leaves time for the next; psycopg's least is 2.
        "connect_timeout": "2",
        **given,
    }
    try:
        async with asyncio.timeout(settings.database_connect_seconds):
            connection = await BoundedConnection.connect(autocommit=True, **conninfo)
    except TimeoutError as error:
        seconds = settings.database_connect_seconds
        raise psycopg.OperationalError(f"no connection within {seconds:g} s") from error
    connection.limit_seconds = settings.database_statement_seconds + _GRACE_SECONDS
    return connection
