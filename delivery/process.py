"""The service as a process, as it runs in its image."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx

T = TypeVar("T")

ROOT = Path(__file__).parents[1]


def wait_for(condition: Callable[[], T | None], seconds: float = 20.0) -> T:
    """Return what `condition` returns once it is true. Raises TimeoutError after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"{condition} was not true within {seconds:g} s")
        time.sleep(0.02)


def environment(database_url: str, **settings: object) -> dict[str, str]:
    """Return a process's environment with short waits; `settings` by their variables' names."""
    kept = ("PATH", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG", "PYTHONPATH")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "DATABASE_URL": database_url,
        "HOST": "127.0.0.1",
        "PORT": "0",
        "METRICS_PORT": "0",
        "DEREGISTRATION_SECONDS": "0",
        "DRAIN_SECONDS": "5",
        **{name: str(value) for name, value in settings.items()},
    }


def run(
    module: str, *arguments: str, env: dict[str, str], root: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Run a module of the service to its end."""
    words = [sys.executable, "-m", module, *arguments]
    return subprocess.run(words, cwd=root, env=env, capture_output=True, text=True, timeout=300)


class Service:
    """A running service, and a client for it."""

    def __init__(self, log: Path, env: dict[str, str], root: Path = ROOT) -> None:
        self._log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "service"],
                cwd=root,
                env=env,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            self.port = wait_for(self._listening)
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)

    def metrics(self) -> httpx.Response:
        """Return what Prometheus would be told."""
        return httpx.get(f"http://127.0.0.1:{self._port('metrics at')}/metrics", timeout=30)

    def lines(self) -> list[dict[str, Any]]:
        """Return the log so far; what is not JSON fails."""
        # The last line may still be on its way.
        whole = self._log.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def ready(self) -> bool:
        return self.client.get("/readyz").status_code == 200

    def stop(self) -> int:
        """Return the exit code after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def _listening(self) -> int | None:
        if self.process.poll() is not None:
            raise ChildProcessError(f"The service did not start: {self._log.read_text().strip()}")
        return self._port("listening on")

    def _port(self, said: str) -> int | None:
        found = re.search(rf'"message":"{said} [^"]*:(\d+)"', self._log.read_text())
        return int(found[1]) if found else None


@contextmanager
def running(log: Path, env: dict[str, str], root: Path = ROOT) -> Iterator[Service]:
    service = Service(log, env, root)
    try:
        yield service
    finally:
        service.client.close()
        if service.process.poll() is None:
            try:
                service.stop()
            except subprocess.TimeoutExpired:
                service.process.kill()
                service.process.wait()
