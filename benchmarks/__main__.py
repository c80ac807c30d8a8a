"""Measure synthesis, deploy and memory, and print each figure beside its limit."""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.measure import in_turn, median_cpu, run
from guards import assembly, limits
from local import processes
from local.paths import State

GIB = 1024**3
RUNS = 5
MANY = 20
# Both sides of every ratio run without CDK's template validation, a fixed cost of its own.
PLAIN = {"CDK_VALIDATION": "false"}


class Figure(NamedTuple):
    """One measured thing, its limit, and the unit of both."""

    name: str
    measured: float
    limit: float
    unit: str


def synthesis() -> Iterator[Figure]:
    """Yield the cost of `cdk synth` against an empty app, and of each further environment."""
    with tempfile.TemporaryDirectory() as folder:
        synth = ["cdk", "synth", "--quiet", "--output"]
        ours, empty = in_turn(
            [*synth, f"{folder}/ours"],
            [*synth, f"{folder}/empty", "--app", "python -m benchmarks.empty_app"],
            runs=RUNS,
            variables=PLAIN,
        )
        pairs = (a.cpu / b.cpu for a, b in zip(ours, empty, strict=True))
        name = "cdk synth of three environments, CPU against an empty app"
        yield Figure(name, statistics.median(pairs), 2.0, "x")
        yield Figure("  the empty app's own CPU", median_cpu(empty), float("inf"), "s")

        for environment, templates in assembly.read(Path(folder) / "ours").items():
            size = limits.size(environment, templates)
            yield Figure(f"{environment}: resources", size.resources, limits.RESOURCES, "")
            yield Figure(
                f"{environment}: custom resources",
                size.custom_resources,
                limits.CUSTOM_RESOURCES,
                "",
            )
            yield Figure(
                f"{environment}: kubectl providers",
                size.kubectl_providers,
                limits.KUBECTL_PROVIDERS,
                "",
            )
            name = f"{environment}: largest template, of {size.largest_stack}"
            yield Figure(name, size.largest_template_kb, limits.TEMPLATE_KB, "kB")

        # As cdk.json runs the app.
        app = [sys.executable, "-O", "-m", "benchmarks.many_environments"]
        many, few = in_turn(
            [*app, str(MANY)], [*app, "3"], runs=RUNS, variables={**PLAIN, "CDK_OUTDIR": folder}
        )
        each = (median_cpu(many) - median_cpu(few)) / (MANY - 3)
        yield Figure(f"each environment from the 3rd to the {MANY}th, CPU", each, 0.2, "s")


def deploy() -> Iterator[Figure]:
    """Yield how long one environment takes to stand, to stay, and to go, and what it holds."""
    with tempfile.TemporaryDirectory() as folder:
        state = State(Path(folder) / "state")
        local = [sys.executable, "-m", "local", "--state", str(state.folder)]
        try:
            yield Figure("make up, tools built", run([*local, "up"]).wall, 60, "s")
            again = [run([*local, "up"]).wall for _ in range(RUNS)]
            yield Figure("make up again, no changes", statistics.median(again), 15, "s")
            files = state.folder.glob("**/*.pid")
            pids = [pid for file in files if (pid := processes.running(file))]
            resident = sum(map(processes.resident_bytes, pids)) / GIB
            yield Figure("memory of one environment standing", resident, 1.5, "GiB")
        finally:
            down = run([*local, "down"]).wall
        yield Figure("make down", down, 20, "s")


def main() -> int:
    """Print every figure; 1 when one is over its limit."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("part", nargs="*", help="synthesis, deploy; default: all")
    wanted = parser.parse_args().part or ["synthesis", "deploy"]
    over = 0
    for part in (synthesis, deploy):
        if part.__name__ not in wanted:
            continue
        for figure in part():
            limit = "" if figure.limit == float("inf") else f"limit {figure.limit:g} {figure.unit}"
            print(f"{figure.name:<60}{figure.measured:8.2f} {figure.unit:<4} {limit}", flush=True)
            over += figure.measured > figure.limit
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
