"""How long a commit takes through the whole pipeline on this machine, and on what."""

import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.measure import Figure, resident, run
from config.environments import PROD, TABLE
from config.model import PROJECT
from guards import assembly
from local import access, stacks
from local.emulator import Emulator
from local.paths import State
from local.rehearsal.__main__ import WAITING
from local.rehearsal.state import Runs
from local.target import AccountTarget

SLOWEST = 8


def rehearsal() -> Iterator[Figure]:
    """Yield the time of a rehearsal of dev, stage and prod with all gates, from nothing.

    On the way it stops at the approval, as it must: with a page to read, and nothing in prod.
    """
    with tempfile.TemporaryDirectory() as folder:
        # Builds run PostgreSQL as another user, who has to come there.
        Path(folder).chmod(0o755)
        state = State(Path(folder) / "state")
        command = [sys.executable, "-m", "local.rehearsal", "--state", str(state.folder)]
        try:
            first = run(command, code=WAITING)
            name = "make rehearse, from nothing to the approval"
            yield Figure(name, first.wall / 60, float("inf"), "min")
            yield Figure("  stacks in prod's account by then", len(_stacks(state)), 0, "")
            named = f"{PROD.name}-Network" in _page(state)
            yield Figure("  the page to approve names prod", named, 1, "", at_least=True)
            second = run([*command, "--approve"])
            wall, cpu = first.wall + second.wall, first.cpu + second.cpu
            yield Figure("make rehearse, then APPROVE=1, to the end", wall / 60, 10, "min")
            yield Figure("  CPU of its builds and of CDK's CLI", cpu, float("inf"), "s")
            wanted, found = assembly.read(state.assembly)[PROD.name], _stacks(state)
            stand = sum(found.get(name) in stacks.STANDING for name in wanted)
            yield Figure("  prod's stacks that stand then", stand, len(wanted), "", at_least=True)
            done = next(Runs(state.rehearsal).all()).done
            for name in sorted(done, key=lambda one: -done[one])[:SLOWEST]:
                yield Figure(f"  {name}", done[name], float("inf"), "s")
            name = "memory of three environments and the pipeline"
            yield Figure(name, resident(state), 3 * 1.5, "GiB")
        finally:
            run([sys.executable, "-m", "local", "--state", str(state.folder), "down"])


def _stacks(state: State) -> Mapping[str, str]:
    """The states of what is in prod's account, but for what bootstrap made."""
    target = AccountTarget(environment=PROD, endpoint=Emulator(state).endpoint)
    return {name: is_in for name, is_in in stacks.states(target).items() if name != "CDKToolkit"}


def _page(state: State) -> str:
    """What a person approves, from where the approval's link leads."""
    target = AccountTarget(environment=TABLE.tooling, endpoint=Emulator(state).endpoint)
    session = access.session(target)
    pipeline = session.client("codepipeline", endpoint_url=target.endpoint)
    bucket = pipeline.get_pipeline(name=PROJECT)["pipeline"]["artifactStore"]["location"]
    identifier = next(Runs(state.rehearsal).all()).identifier
    found = session.client("s3", endpoint_url=target.endpoint).get_object(
        Bucket=bucket, Key=f"review/{identifier}/{PROD.name}.html"
    )
    return str(found["Body"].read().decode())
