"""How long a commit takes through the whole pipeline on this machine."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Figure, run


def rehearsal() -> Iterator[Figure]:
    """Yield the time of a rehearsal of dev, stage and prod with all gates, from nothing."""
    with tempfile.TemporaryDirectory() as folder:
        state = ["--state", str(Path(folder) / "state")]
        command = [sys.executable, "-m", "local.rehearsal", *state, "--approve"]
        try:
            yield Figure("make rehearse APPROVE=1, from nothing", run(command).wall / 60, 10, "min")
        finally:
            run([sys.executable, "-m", "local", *state, "down"])
