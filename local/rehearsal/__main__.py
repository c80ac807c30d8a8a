"""`make rehearse`: run this commit through the deployed pipeline on this machine.

What stands is gone on with; the pipeline is deployed first where it doesn't stand. Images are
built, scanned and pushed where Docker runs and DOCKER_HUB_USERNAME and DOCKER_HUB_TOKEN are set.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from config.model import PROJECT
from delivery.registry import TOKEN
from local import docker_hub, up
from local.emulator import Emulator
from local.errors import LocalError
from local.isolation import isolated
from local.lock import exclusive
from local.paths import ROOT, State, default_state
from local.progress import Progress
from local.rehearsal.engine import Engine
from local.rehearsal.errors import ActionFailedError, ChangesForeverError, WaitingError
from local.rehearsal.prepare import prepare
from local.rehearsal.state import Runs

WAITING = 3
"""The exit code of a run that waits for an approval."""


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when the commit is in production, WAITING at the approval, 1 when it failed."""
    parser = argparse.ArgumentParser(prog="python -m local.rehearsal", description=__doc__)
    parser.add_argument("--approve", action="store_true", help="say yes to whatever is asked")
    folder = default_state().folder
    parser.add_argument("--state", type=Path, default=folder, help=f"default: {folder.name}")
    given = parser.parse_args(arguments)
    # Builds get it from the secret that it is put into, and nobody else does.
    login = docker_hub.given(os.environ)
    clean = isolated(os.environ)
    clean.pop(TOKEN, None)
    os.environ.clear()
    os.environ.update(clean)
    state, progress = State(given.state.resolve()), Progress(sys.stdout)
    began = time.monotonic()
    try:
        with exclusive(state.lock, "make rehearse"):
            _rehearse(state, progress, login, approve=given.approve)
    except WaitingError as error:
        print(f"\n{error}")
        return WAITING
    except (LocalError, TimeoutError, ActionFailedError, ChangesForeverError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"error: The AWS stand-in doesn't do its part: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"error: {error.cmd[0]} failed: {error.stderr or ''}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: 'make rehearse' goes on from here, 'make down' removes it")
        return 128 + signal.SIGINT
    finally:
        _tell(state, time.monotonic() - began)
    return 0


def _rehearse(
    state: State, progress: Progress, login: Mapping[str, str] | None, *, approve: bool
) -> None:
    emulator = Emulator(state)
    if not emulator.running:
        up.start(state, emulator, progress)
    root = prepare(state, emulator.endpoint, progress, login)

    def approved(action: str, comment: str, link: str) -> bool | None:
        progress.say(f"\n{action}: {comment}\n  {link}")
        if approve:
            return True
        if not sys.stdin.isatty():
            return None
        return input("  Approve? [y/N] ").strip().lower() in ("y", "yes")

    try:
        Engine(
            name=PROJECT,
            root=root,
            repository=ROOT,
            folder=state.rehearsal,
            approve=approved,
            say=progress.say,
        ).rehearse()
    finally:
        up.audit(emulator)


def _tell(state: State, seconds: float) -> None:
    """Say how long it took, and each way in which it wasn't what AWS would do."""
    run = next(Runs(state.rehearsal).all(), None)
    if run is None:
        return
    print(f"\n{run.status}: {run.commit[:12]} after {seconds:.0f} s, {len(run.done)} actions")
    print("Not as in AWS (docs/fidelity.md has the table):")
    for deviation in run.deviations:
        print(f"  {deviation}")


if __name__ == "__main__":
    sys.exit(main())
