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


def rehearse(endpoint: str, account: str, repository: Path, folder: Path, action: str = "") -> int:
    """Run the small pipeline in a new process, which dies of SIGKILL once `action` is done.

    Returns its exit code.
    """
    words = [endpoint, account, str(repository), str(folder), action]
    done = subprocess.run(
        [sys.executable, "-m", "tests.rehearsal.killed", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode in (-signal.SIGINT, -signal.SIGKILL), done.stdout + done.stderr
    return done.returncode


def _main(endpoint: str, account: str, repository: str, folder: str, action: str) -> None:
    def die(done: str) -> None:
        if done == action:
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
