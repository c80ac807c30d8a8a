"""HTTP/1.1 for strangers: limits on connections, and on clients that are slow on purpose."""

import asyncio
from collections.abc import Iterable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.problems import Problem
from service.settings import Settings

_MAX_HEAD_BYTES = 64 * 1024


class GuardedProtocol(HttpToolsProtocol):
    """Refuses connections over the limit, and can tell which dawdle with a request or an answer."""

    settings: Settings
    # Until when the rest of a request's head, and room for more of an answer, must have come. One
    # sweep over all connections costs less than a timer for each request.
    _head_deadline: float | None = None
    _write_deadline: float | None = None
    _head_bytes: int | None = None

    def connection_made(self, transport: Any) -> None:
        if len(self.connections) >= self.settings.max_connections:
            self.transport = transport
            transport.abort()
            return
        super().connection_made(transport)
        self._head_bytes = 0
        self._head_deadline = self.loop.time() + self.settings.header_seconds

    def connection_lost(self, exc: Exception | None) -> None:
        # A connection that was refused was never made.
        if self in self.connections:
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._head_bytes is not None:
            self._head_bytes += len(data)
            # What follows the head may come in the same piece.
            if self._head_bytes > _MAX_HEAD_BYTES + self.settings.max_body_bytes:
                self._refuse(431, "The request's head is too large.")
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        self._head_bytes = self._head_bytes or 0
        self._head_deadline = self.loop.time() + self.settings.header_seconds
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head_deadline = self._head_bytes = None
        super().on_headers_complete()

    def pause_writing(self) -> None:
        self._write_deadline = self.loop.time() + self.settings.write_seconds
        super().pause_writing()

    def resume_writing(self) -> None:
        self._write_deadline = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, f"{msg.rstrip('.')}.")

    def end_if_late(self, now: float) -> None:
        """Drop the connection if its client took too long; `now` is the loop's time."""
        for deadline in (self._head_deadline, self._write_deadline):
            if deadline is not None and now > deadline:
                self.transport.abort()

    def _refuse(self, status: int, detail: str) -> None:
        problem = Problem(status, detail)
        reply = problem.reply()
        head = (
            f"HTTP/1.1 {problem.status} {problem.status.phrase}\r\n"
            f"content-type: {reply.media_type.decode()}\r\ncontent-length: {len(reply.body)}\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + reply.body)
        self.transport.close()


def guarded_protocol(given: Settings) -> type[GuardedProtocol]:
    """Return the protocol with the limits of `given`."""

    class Configured(GuardedProtocol):
        settings = given

    return Configured


def end_late(connections: Iterable[asyncio.Protocol], now: float) -> None:
    """Drop those of the connections whose clients took too long."""
    for connection in list(connections):
        if isinstance(connection, GuardedProtocol):
            connection.end_if_late(now)
