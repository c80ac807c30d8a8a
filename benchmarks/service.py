"""`python -m benchmarks.service`: the service against a bare handler on the same server.

Cost is processor time of the serving process a request, so that a busy machine doesn't change the
ratios; the load is closed-loop clients on kept connections. The limits are the issue's figures.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

import httpx
import psutil
import psycopg

from delivery.postgres import temporary
from delivery.process import ROOT, environment, running, wait_for
from service.migrate import migrate
from service.settings import Settings

CLIENTS = 64
REQUESTS = 12_000
ROUNDS = 3
NOTES = 1000

LIMITS = {
    "share of a bare handler's requests a core, no database": (0.70, "at least"),
    "share of a bare handler's requests a core, reads": (0.25, "at least"),
    "p99 at half of saturation, ms": (50.0, "at most"),
    "ready after, s": (1.0, "at most"),
    "resident at load, MiB": (100.0, "at most"),
}


async def _client(port: int, paths: Iterator[str], requests: int, pause: float) -> list[float]:
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
    done = await asyncio.gather(*(_client(port, turns, each, pause) for _ in range(clients)))
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


def measure() -> dict[str, float]:
    """Return the figures of LIMITS."""
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
        ready = []
        for number in range(ROUNDS):
            started = time.perf_counter()
            with running(Path(folder, f"log{number}"), environment(url)) as service:
                wait_for(service.ready)
                ready.append(time.perf_counter() - started)
        log, env = Path(folder, "log"), environment(url)
        with running(log, env) as service, _bare() as (bare, bare_port):
            process = psutil.Process(service.process.pid)
            rounds = [
                (
                    Load(bare, bare_port, ["/"]),
                    Load(process, service.port, ["/healthz"]),
                    Load(process, service.port, reads),
                )
                for _ in range(ROUNDS)
            ]
            resident = process.memory_info().rss / 2**20
            half = statistics.median(one[2].rate for one in rounds) / 2
            calm = Load(process, service.port, reads, int(half * 5), CLIENTS / half)
            assert httpx.get(f"http://127.0.0.1:{service.port}/readyz").status_code == 200
    names = list(LIMITS)
    return {
        names[0]: statistics.median(one[0].cost / one[1].cost for one in rounds),
        names[1]: statistics.median(one[0].cost / one[2].cost for one in rounds),
        names[2]: calm.p99 * 1000,
        names[3]: min(ready),
        names[4]: resident,
    }


def main() -> int:
    """Return 0 when every figure is within its limit, 1 when not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.service", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    given = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    figures = measure()
    missed = 0
    for name, value in figures.items():
        limit, way = LIMITS[name]
        kept = value >= limit if way == "at least" else value <= limit
        missed += not kept
        if not given.json:
            print(f"{'ok  ' if kept else 'MISS'} {name}: {value:.2f} ({way} {limit:g})")
    if given.json:
        print(json.dumps(figures))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
