import subprocess
import sys
from pathlib import Path

import pytest

from local.errors import LocalError
from local.lock import exclusive
from local.paths import ROOT


def test_the_second_is_told_who_is_at_work(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with exclusive(lock, "make up"):
        second = exclusive(lock, "make down")
        with pytest.raises(LocalError, match=r"^'make up' \(pid \d+\) is at work in this clone"):
            second.__enter__()
    with exclusive(lock, "make down"):
        assert "make down" in lock.read_text()


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    code = (
        "import os, pathlib, sys; from local.lock import exclusive\n"
        "with exclusive(pathlib.Path(sys.argv[1]), 'make up'): os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(lock)], cwd=ROOT)
    assert done.returncode == -9
    assert "make up" in lock.read_text()
    with exclusive(lock, "make down"):
        assert "make up" not in lock.read_text()
