"""Ending processes that were started, and nobody else's."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from local import processes

PARENT = """
import subprocess, sys, time
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("killed", [True, False], ids=["killed before", "stopped"])
def test_what_a_process_leaves_behind_ends_with_it(tmp_path: Path, killed: bool) -> None:
    pid_file, left, log = tmp_path / "server.pid", tmp_path / "child.pid", tmp_path / "log"
    pid = processes.spawn(pid_file, [sys.executable, "-c", PARENT], log=log)
    _wait(lambda: log.read_text().endswith("\n"))
    processes.record(left, int(log.read_text()))
    assert processes.running(left)
    if killed:
        os.kill(pid, signal.SIGKILL)
        _wait(lambda: processes.running(pid_file) is None)
    processes.stop([pid_file])
    _wait(lambda: processes.running(left) is None)


def test_a_stranger_of_the_same_pid_is_left_alone(tmp_path: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", PARENT], start_new_session=True)
    try:
        pid_file = tmp_path / "server.pid"
        pid_file.write_text(f'{{"pid": {stranger.pid}, "identity": "an earlier one"}}')
        processes.stop([pid_file])
        assert stranger.poll() is None
    finally:
        os.killpg(stranger.pid, signal.SIGKILL)
        stranger.wait()


def _wait(done: Callable[[], bool]) -> None:
    """Wait for ten seconds at most: what should end would sleep for a minute."""
    end = time.monotonic() + 10
    while not done():
        assert time.monotonic() < end
        time.sleep(processes.POLL_SECONDS)
