"""HTTP/1.1 for strangers: limits on connections, and on clients that are slow on purpose."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.problems import Problem
from service.settings import Settings
from service.unsent import Unsent

_logger = logging.getLogger(__name__)

_MAX_BARE_BYTES = 64 * 1024
"""How much may come without a body's bytes or a whole head in it."""


class GuardedProtocol(HttpToolsProtocol):
    """Takes as many connections as the limit says, and can tell which of them dawdle.

    One that waits for its client's next request gives way to a new one. One sweep over all
    connections costs less than timers for each request, so it also ends those that are kept for
    nothing.
    """

    settings: ClassVar[Settings]
    unsent: ClassVar[Unsent]
    # Those with no request to serve, and until when the next one, or the rest of its head, must
    # have come; who has waited longest is the first.
    waiting: ClassVar[dict["GuardedProtocol", float]]
    # Until when all of an answer must have gone.
    _write_deadline: float | None = None
    _head_began = False
    # A head that doesn't end, extensions of chunks, trailers: kept, or worked for, to no end.
    _bare_bytes = 0

    def connection_made(self, transport: Any) -> None:
        full = len(self.connections) >= self.settings.max_connections
        if full and not self._make_room():
            self.transport = transport
            transport.abort()
            return
        super().connection_made(transport)
        # So that resume_writing tells when all of an answer has gone that didn't go at once.
        transport.set_write_buffer_limits(high=0)
        self._head_began = True
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        # A connection that was refused was never made.
        if self in self.connections:
            self.waiting.pop(self, None)
            self.unsent.discard(self.transport)
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._bare_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._bare_bytes > _MAX_BARE_BYTES:
            self._refuse(431, "The request's head, or what comes with its body, is too large.")
            return
        # There is a scope from a head's first byte on, and a path in it once the head is whole.
        within_head = self.scope is None or "path" not in self.scope
        if self.cycle is not None and not self.cycle.response_complete:
            self._head_began = within_head
            self.waiting.pop(self, None)
        elif within_head and not self._head_began:
            self._head_began = True
            # The last in the queue again.
            self.waiting.pop(self, None)
            self._wait()

    def on_headers_complete(self) -> None:
        self._bare_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._bare_bytes = 0
        super().on_body(body)

    def on_response_complete(self) -> None:
        # As uvicorn's, without its timer.
        self.server_state.total_requests += 1
        if size := self.transport.get_write_buffer_size():
            self._hold(size)
        else:
            self._go_on()

    def pause_writing(self) -> None:
        """Have an answer wait in the transport, where it is counted, and none of it in uvicorn."""

    def resume_writing(self) -> None:
        if self.unsent.discard(self.transport):
            self._write_deadline = None
            self._go_on()

    def _go_on(self) -> None:
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._wait()

    def _wait(self) -> None:
        limits = self.settings
        seconds = limits.header_seconds if self._head_began else limits.keep_alive_seconds
        self.waiting[self] = self.loop.time() + seconds

    def _hold(self, size: int) -> None:
        """Ask no more of the client than that it takes what is left of an answer."""
        self.waiting.pop(self, None)
        self.flow.pause_reading()
        self._write_deadline = self.loop.time() + self.settings.write_seconds
        self.unsent.add(self.transport, size)

    def _make_room(self) -> bool:
        """End the connection that has waited longest; return whether there was one."""
        longest = next(iter(self.waiting), None)
        if longest is None:
            return False
        # It is lost only later, and more may come until then.
        del self.waiting[longest]
        longest.transport.abort()
        return True

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, f"{msg.rstrip('.')}.")

    def end_if_late(self, now: float) -> None:
        """Drop the connection if its client took too long; `now` is the loop's time."""
        for deadline in (self.waiting.get(self), self._write_deadline):
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
        if size := self.transport.get_write_buffer_size():
            self._hold(size)


def guarded_protocol(given: Settings) -> type[GuardedProtocol]:
    """Return the protocol with the limits of `given`."""

    class Configured(GuardedProtocol):
        settings = given
        unsent = Unsent(given.max_unsent_bytes)
        waiting: ClassVar[dict[GuardedProtocol, float]] = {}

    return Configured


def end_late(connections: Iterable[asyncio.Protocol], now: float) -> None:
    """Drop those of the connections whose clients took too long."""
    for connection in list(connections):
        if isinstance(connection, GuardedProtocol):
            connection.end_if_late(now)
