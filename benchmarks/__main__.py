"""Measure synthesis, charts, deploy, a rehearsal, the service, fail-over, backups; print it."""

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.charts import charts
from benchmarks.failover import failover
from benchmarks.measure import Figure, in_turn, median_cpu, resident, run
from benchmarks.rehearsal import rehearsal
from benchmarks.service import service
from benchmarks.velero import velero
from guards import assembly, limits
from local.paths import State

RUNS = 5
MANY = 20
# Both sides of every ratio run without CDK's template validation, a fixed cost of its own.
PLAIN = {"CDK_VALIDATION": "false"}


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

        written = assembly.written(Path(folder) / "ours")
        for environment, templates in assembly.read(Path(folder) / "ours").items():
            size = limits.size(environment, templates, written[environment])
            for part, budget in limits.RESOURCES.items():
                name = f"{environment}: resources of the {part}"
                yield Figure(name, size.resources.get(part, 0), budget, "")
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
            yield Figure("memory of one environment standing", resident(state), 1.5, "GiB")
        finally:
            down = run([*local, "down"]).wall
        yield Figure("make down", down, 20, "s")


_PARTS = (synthesis, charts, deploy, rehearsal, service, failover, velero)
PARTS = {part.__name__: part for part in _PARTS}


def main() -> int:
    """Print every figure; 1 when one is beyond its limit, or can't be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("part", nargs="*", help=f"{', '.join(PARTS)}; default: all")
    wanted = parser.parse_args().part or list(PARTS)
    if unknown := set(wanted) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; they are {', '.join(PARTS)}")
    beyond = 0
    for name in wanted:
        try:
            for figure in PARTS[name]():
                print(figure, flush=True)
                beyond += not figure.kept
        except subprocess.CalledProcessError as error:
            print(f"{error.output or ''}{name} can't be measured: {error}", file=sys.stderr)
            return 1
    return 1 if beyond else 0


if __name__ == "__main__":
    sys.exit(main())
