"""A rehearsal in a process of its own, which is killed: python -m tests.rehearsal.killed …."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from local.paths import ROOT
from local.rehearsal.cloud import root
from local.rehearsal.engine import Engine
from tests.local_aws.support import REGION
from tests.rehearsal import small

PID = "killed.pid"
"""In the folder of runs: which process it is, for an action that ends it from within."""


def rehearse(
    endpoint: str, account: str, repository: Path, folder: Path, action: str = "", times: int = 1
) -> int:
    """Run the small pipeline in a new process, and return its exit code.

    It dies of SIGKILL once `action` is done for so many times.
    """
    words = [endpoint, account, str(repository), str(folder), action, str(times)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.rehearsal.killed", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode in (-signal.SIGINT, -signal.SIGKILL), done.stdout + done.stderr
    return done.returncode


def _main(
    endpoint: str, account: str, repository: str, folder: str, action: str, times: str
) -> None:
    seen: list[str] = []

    def die(done: str) -> None:
        seen.append(done)
        if seen.count(action) == int(times):
            os.kill(os.getpid(), signal.SIGKILL)

    (Path(folder) / PID).write_text(str(os.getpid()))
    Engine(
        name=small.NAME,
        root=root(endpoint, account, REGION),
        repository=Path(repository),
        folder=Path(folder),
        approve=lambda action, comment, link: True,
        say=print,
        noted=die,
    ).rehearse()


if __name__ == "__main__":
    _main(*sys.argv[1:])
