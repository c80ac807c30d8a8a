"""Timing whole commands by the operating system's own account of them."""

import math
import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from local import processes
from local.paths import ROOT, State

GIB = 1024**3


class Figure(NamedTuple):
    """One measured thing, its limit, and the unit of both."""

    name: str
    measured: float
    limit: float
    unit: str
    at_least: bool = False
    """Whether the limit is the least it must be, and not the most."""

    @property
    def kept(self) -> bool:
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit

    def __str__(self) -> str:
        if self.limit == math.inf:
            limit = ""
        else:
            limit = f"{'at least' if self.at_least else 'limit'} {self.limit:g} {self.unit}"
        return f"{self.name:<60}{self.measured:8.2f} {self.unit:<4} {limit}".rstrip()


class Cost(NamedTuple):
    """What a command took with all that it started and waited for, in seconds."""

    cpu: float
    wall: float


def run(
    command: Sequence[str], variables: Mapping[str, str] | None = None, *, code: int = 0
) -> Cost:
    """Run a command to its end. Raises CalledProcessError with what it printed.

    That is, unless its exit code is `code`.
    """
    began = time.monotonic()
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **(variables or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != code:
        raise subprocess.CalledProcessError(process.returncode, command, said)
    return Cost(cpu=usage.ru_utime + usage.ru_stime, wall=time.monotonic() - began)


def in_turn(
    one: Sequence[str], other: Sequence[str], *, runs: int, variables: Mapping[str, str]
) -> tuple[list[Cost], list[Cost]]:
    """Run two commands in turn, so that a machine that slows down slows both; one warm-up each."""
    run(one, variables)
    run(other, variables)
    pairs = [(run(one, variables), run(other, variables)) for _ in range(runs)]
    return [a for a, _ in pairs], [b for _, b in pairs]


def resident(state: State) -> float:
    """Return the GiB of memory of all that stands."""
    pids = [pid for file in state.folder.glob("**/*.pid") if (pid := processes.running(file))]
    return sum(map(processes.resident_bytes, pids)) / GIB


def median_cpu(costs: Sequence[Cost]) -> float:
    return statistics.median(cost.cpu for cost in costs)
