"""HTTP/1.1 for strangers: limits on connections, and on clients that are slow on purpose."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.problems import Problem
from service.settings import Settings

_logger = logging.getLogger(__name__)

_MAX_BARE_BYTES = 64 * 1024
"""How much may come without a body's bytes or a whole head in it."""


class GuardedProtocol(HttpToolsProtocol):
    """Refuses connections over the limit, and can tell which dawdle with a request or an answer.

    One sweep over all connections costs less than timers for each request, so it also ends those
    that are kept for nothing.
    """

    settings: Settings
    # Until when the next request, or the rest of its head, must have come; None while it is served.
    _deadline: float | None = None
    # Until when there must be room for more of an answer.
    _write_deadline: float | None = None
    _head_began = False
    # A head that doesn't end, extensions of chunks, trailers: kept, or worked for, to no end.
    _bare_bytes = 0

    def connection_made(self, transport: Any) -> None:
        if len(self.connections) >= self.settings.max_connections:
            self.transport = transport
            transport.abort()
            return
        super().connection_made(transport)
        self._begin_head()

    def connection_lost(self, exc: Exception | None) -> None:
        # A connection that was refused was never made.
        if self in self.connections:
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._bare_bytes += len(data)
        super().data_received(data)
        if self._bare_bytes > _MAX_BARE_BYTES and not self.transport.is_closing():
            self._refuse(431, "The request's head, or what comes with its body, is too large.")
            return
        # There is a scope from a head's first byte on, and a path in it once the head is whole.
        if self.scope is None or "path" not in self.scope:
            if not self._head_began:
                self._begin_head()
        elif not self.cycle.response_complete:
            self._head_began = False
            self._deadline = None

    def on_headers_complete(self) -> None:
        self._bare_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._bare_bytes = 0
        super().on_body(body)

    def on_response_complete(self) -> None:
        # As uvicorn's, without its timer.
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif not self._head_began:
            self._deadline = self.loop.time() + self.settings.keep_alive_seconds

    def _begin_head(self) -> None:
        self._head_began = True
        self._deadline = self.loop.time() + self.settings.header_seconds

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
        for deadline in (self._deadline, self._write_deadline):
            if deadline is not None and now > deadline:
                self.transport.abort()
                return

    def _refuse(self, status: int, detail: str) -> None:
        _logger.info("refused what a client sent: %s", detail)
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
