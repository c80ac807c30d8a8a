"""The process: it listens, serves, and ends without losing a request."""

import asyncio
import contextlib
import gc
import logging
import resource
import signal
import socket
from collections.abc import Iterator

import uvicorn

from service.app import Application
from service.protocol import end_late, guarded_protocol
from service.settings import Settings

_logger = logging.getLogger(__name__)

_BACKLOG = 2048
_CUT_SECONDS = 3.0
_OTHER_FILES = 128
"""Descriptors beside the clients' connections: the pool, the log, Python's own."""


class GracefulServer(uvicorn.Server):
    """On SIGTERM it goes not-ready, serves on until nobody sends any more, drains, and ends.

    The pods have no shell to sleep in before they stop, so the wait is here. A second signal ends
    the wait.
    """

    def __init__(self, config: uvicorn.Config, application: Application, delay: float) -> None:
        super().__init__(config)
        self._application = application
        self._delay = delay

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        signals = (signal.SIGTERM, signal.SIGINT)
        for one in signals:
            loop.add_signal_handler(one, self._end, loop)
        try:
            yield
        finally:
            for one in signals:
                loop.remove_signal_handler(one)

    async def on_tick(self, counter: int) -> bool:
        end_late(self.server_state.connections, asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    def _end(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._delay == 0:
            self.should_exit = True
            return
        _logger.info("not ready any more; serving on for %g s", self._delay)
        self._application.drain()
        loop.call_later(self._delay, setattr, self, "should_exit", True)
        self._delay = 0


async def serve(settings: Settings) -> None:
    """Serve until told to end. Raises OSError if the address can't be had."""
    _allow_files(settings.max_connections + settings.database_pool_size + _OTHER_FILES)
    application = Application(settings)
    config = uvicorn.Config(
        application,
        loop="none",
        http=guarded_protocol(settings),
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=settings.drain_seconds,
    )
    with (
        _listening(settings.host, settings.port) as listening,
        application.metrics.served(settings.host, settings.metrics_port) as metrics_port,
    ):
        _logger.info("metrics at %s:%d", settings.host, metrics_port)
        _logger.info("listening on %s:%d", *listening.getsockname()[:2])
        # What is there by now stays; going through it for garbage would stop all requests for tens
        # of milliseconds, every few seconds.
        gc.freeze()
        server = GracefulServer(config, application, settings.deregistration_seconds)
        await server.serve(sockets=[listening])
    # Requests that the drain cut: each says so to its client and to its statement.
    if cut := set(server.server_state.tasks):
        await asyncio.wait(cut, timeout=_CUT_SECONDS)
    await application.close()
    _logger.info("ended")


def _listening(host: str, port: int) -> socket.socket:
    # IPv4 or IPv6, whichever the address is of.
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise OSError(f"HOST is {host!r}, which is no address here: {error.strerror}.") from None
    family, _, _, _, address = found[0]
    return socket.create_server(address, family=family, backlog=_BACKLOG)


def _allow_files(needed: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise OSError(
            f"This process may open {hard} files; MAX_CONNECTIONS and DATABASE_POOL_SIZE need "
            f"{needed}."
        )
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
