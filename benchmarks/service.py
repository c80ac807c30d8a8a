"""The service against a bare handler on the same server.

Cost is processor time of the serving process a request, so that a busy machine doesn't change the
ratios; the load is closed-loop clients on kept connections. The limits are README's.
"""

import asyncio
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

import psutil
import psycopg

from benchmarks.measure import Figure
from delivery.postgres import temporary
from delivery.process import ROOT, environment, running, wait_for
from service.migrate import migrate
from service.settings import Settings

CLIENTS = 64
REQUESTS = 6_000
PAGES = 1_280
ROUNDS = 5
CALM_SECONDS = 4
NOTES = 1000


async def _client(
    port: int, paths: Iterator[str], requests: int, pause: float, start: float
) -> list[float]:
    await asyncio.sleep(start)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    seconds = []
    for _ in range(requests):
        started = time.perf_counter()
        writer.write(f"GET {next(paths)} HTTP/1.1\r\nHost: service\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        seconds.append(time.perf_counter() - started)
        if pause:
            await asyncio.sleep(max(0.0, started + pause - time.perf_counter()))
    writer.close()
    return seconds


async def _load(
    port: int, paths: Sequence[str], requests: int, clients: int, pause: float
) -> list[float]:
    turns = cycle(paths)
    each = requests // clients
    # Spread over the pause, or all would ask at once for ever.
    starts = [pause * number / clients for number in range(clients)]
    done = await asyncio.gather(*(_client(port, turns, each, pause, one) for one in starts))
    return [one for many in done for one in many]


class Load:
    """What a load cost the process, and how long each request took."""

    def __init__(
        self,
        process: psutil.Process,
        port: int,
        paths: Sequence[str],
        requests: int = REQUESTS,
        pause: float = 0.0,
    ) -> None:
        asyncio.run(_load(port, paths, CLIENTS * 20, CLIENTS, 0))
        before, started = sum(process.cpu_times()[:2]), time.perf_counter()
        self.seconds = sorted(asyncio.run(_load(port, paths, requests, CLIENTS, pause)))
        self.rate = len(self.seconds) / (time.perf_counter() - started)
        self.cost = (sum(process.cpu_times()[:2]) - before) / len(self.seconds)

    @property
    def p99(self) -> float:
        return self.seconds[int(len(self.seconds) * 0.99)]


@contextmanager
def _bare() -> Iterator[tuple[psutil.Process, int]]:
    """Serve a handler that does nothing, by the same server with the same settings."""
    words = [sys.executable, "-m", "uvicorn", "benchmarks.bare:app", "--port=0", "--no-access-log"]
    words += ["--loop=uvloop", "--http=httptools", "--no-server-header", "--no-proxy-headers"]
    words += ["--ws=none", "--lifespan=off"]
    with subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                if "running on http://127.0.0.1:" in line:
                    port = line.partition("http://127.0.0.1:")[2].partition(" ")[0]
                    yield psutil.Process(process.pid), int(port)
                    return
            raise ChildProcessError("The bare handler did not start.")
        finally:
            process.terminate()


def service() -> Iterator[Figure]:
    """Yield what requests cost, how long they take, and what the process needs."""
    with temporary() as (server,), tempfile.TemporaryDirectory() as folder:
        url = server.create_database("bench")
        migrate(Settings(database_url=url), "head")
        with psycopg.connect(url, autocommit=True) as connection:
            found = connection.execute(
                "INSERT INTO notes SELECT gen_random_uuid(), 'a title', repeat('body ', 20), "
                "now(), now() FROM generate_series(1, %s) RETURNING id",
                (NOTES,),
            )
            reads = [f"/v1/notes/{row[0]}" for row in found]
        log, env = Path(folder, "log"), environment(url)
        ready = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            with running(log, env) as one:
                wait_for(one.ready)
                ready.append(time.perf_counter() - started)
        yield Figure("service ready after", statistics.median(ready), 1.0, "s")
        with running(log, env) as served, _bare() as (bare, bare_port):
            process = psutil.Process(served.process.pid)
            rounds = [
                (
                    Load(bare, bare_port, ["/"]),
                    Load(process, served.port, ["/healthz"]),
                    Load(process, served.port, reads),
                    # Half a millisecond each, so that fewer tell as much.
                    Load(process, served.port, ["/v1/notes"], PAGES),
                )
                for _ in range(ROUNDS)
            ]
            ours = "requests a core against a bare handler"
            yield Figure(f"{ours}, no database", _share(rounds, 1), 0.70, "x", at_least=True)
            yield Figure(f"{ours}, a note by its id", _share(rounds, 2), 0.25, "x", at_least=True)
            # Lists have no limit.
            yield Figure(f"{ours}, a page of 50 notes", _share(rounds, 3), math.inf, "x")
            yield Figure("  the bare handler's own CPU", _microseconds(rounds, 0), math.inf, "µs")
            yield Figure("  a page's own CPU", _microseconds(rounds, 3), math.inf, "µs")
            half = statistics.median(one[2].rate for one in rounds) / 2
            calm = [
                Load(process, served.port, reads, int(half * CALM_SECONDS), CLIENTS / half).p99
                for _ in range(ROUNDS)
            ]
            yield Figure("p99 at half of saturation", statistics.median(calm) * 1000, 50, "ms")
            resident = process.memory_info().rss / 2**20
            yield Figure("service resident at load", resident, 100, "MiB")
            assert served.ready()


def _share(rounds: Sequence[Sequence[Load]], number: int) -> float:
    return statistics.median(one[0].cost / one[number].cost for one in rounds)


def _microseconds(rounds: Sequence[Sequence[Load]], number: int) -> float:
    return statistics.median(one[number].cost for one in rounds) * 1e6
