"""How long a commit takes through the whole pipeline on this machine, and on what."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Figure, resident, run
from local.paths import State
from local.rehearsal.state import Runs

SLOWEST = 8


def rehearsal() -> Iterator[Figure]:
    """Yield the time of a rehearsal of dev, stage and prod with all gates, from nothing."""
    with tempfile.TemporaryDirectory() as folder:
        # Builds run PostgreSQL as another user, who has to come there.
        Path(folder).chmod(0o755)
        state = State(Path(folder) / "state")
        command = [sys.executable, "-m", "local.rehearsal", "--state", str(state.folder)]
        try:
            cost = run([*command, "--approve"])
            yield Figure("make rehearse APPROVE=1, from nothing", cost.wall / 60, 10, "min")
            yield Figure("  CPU of its builds and of CDK's CLI", cost.cpu, float("inf"), "s")
            done = next(Runs(state.rehearsal).all()).done
            for name in sorted(done, key=lambda one: -done[one])[:SLOWEST]:
                yield Figure(f"  {name}", done[name], float("inf"), "s")
            name = "memory of three environments and the pipeline"
            yield Figure(name, resident(state), 3 * 1.5, "GiB")
        finally:
            run([sys.executable, "-m", "local", "--state", str(state.folder), "down"])
