"""What the charts of an environment cost in a synthesis."""

import statistics
import subprocess
import sys
from collections.abc import Iterator

from benchmarks.measure import Figure
from local.paths import ROOT

RUNS = 5


def charts() -> Iterator[Figure]:
    """Yield the CPU time that rendering all charts of production takes after the imports."""
    # As cdk.json runs the app.
    command = [sys.executable, "-O", "-m", "benchmarks.render_charts"]
    runs = []
    for _ in range(RUNS):
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        seconds, _, objects = done.stdout.partition(" ")
        runs.append(float(seconds))
    name = f"charts of prod, {int(objects)} objects, CPU on top of imports"
    yield Figure(name, statistics.median(runs), 0.5, "s")
