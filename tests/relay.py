"""Another address for a server of this machine, by TLS where it has none."""

import asyncio
import ssl
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def relay(
    address: str, port: int, *, to: tuple[str, int], tls: ssl.SSLContext | None = None
) -> Iterator[None]:
    """Hand on what comes to `address` and `port`; with `tls`, behind a certificate."""

    async def handle(outer: StreamReader, answer: StreamWriter) -> None:
        # Its connections are cut with the relay.
        with suppress(asyncio.CancelledError):
            try:
                inner, ask = await asyncio.open_connection(*to)
                try:
                    await asyncio.gather(_copy(outer, ask), _copy(inner, answer))
                finally:
                    ask.close()
            finally:
                answer.close()

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    starting = asyncio.start_server(handle, address, port, ssl=tls)
    server = asyncio.run_coroutine_threadsafe(starting, loop).result()
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(_close(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _close(server: asyncio.Server) -> None:
    """Close it with the connections that still stand."""
    server.close()
    ours = asyncio.current_task()
    open_ones = [task for task in asyncio.all_tasks() if task is not ours]
    for task in open_ones:
        task.cancel()
    await asyncio.gather(*open_ones, return_exceptions=True)


async def _copy(source: StreamReader, target: StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(1 << 16):
            target.write(data)
            await target.drain()
    target.close()
