"""`python -m delivery.migration_test`: prove that migrations can be rolled out and back.

Beside a PostgreSQL of its own, never an environment's: from the last release's schema and data up
to this one's while the old code serves, then old and new code side by side, then down again.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy.exc import SQLAlchemyError

from delivery import rows
from delivery.exercise import ExerciseError
from delivery.postgres import PostgresError, temporary
from delivery.process import ROOT
from delivery.rehearsal import MigrationTest, MigrationTestError, prepare
from delivery.release import ReleaseError, commit_before, last_release, require, unpack
from delivery.released import released

_UNTOLD = (
    BotoCoreError,
    ClientError,
    PostgresError,
    ReleaseError,
    SQLAlchemyError,
    rows.UnknownType,
)
"""What goes wrong without saying anything about the migrations."""


def _last(run: str | None) -> tuple[str, str]:
    """Return the release before this commit, and why it is that; or nothing, and why not.

    In a run of the pipeline it is what production runs.
    """
    if run:
        if commit := released(run.partition("/")[0]):
            require(commit, ROOT)
            return commit, "the pipeline last brought it to its end"
        return "", "no run of the pipeline came to its end before"
    if tag := last_release(ROOT):
        return tag, "the last tag v*"
    if commit := commit_before(ROOT):
        return commit, "there is no tag v*, so the commit before this one"
    return "", "there is no commit before this one"


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when the migrations may be released, 1 when not, 2 when that can't be told."""
    parser = argparse.ArgumentParser(prog="python -m delivery.migration_test", description=__doc__)
    parser.add_argument(
        "--from",
        dest="old",
        help="the last release: a git reference; default: what the pipeline of --run last brought "
        "to its end, else the last tag v*, else the commit before",
    )
    parser.add_argument(
        "--run",
        default=os.environ.get("RUN"),
        help="PIPELINE/EXECUTION that this is a step of; default: $RUN, or none",
    )
    given = parser.parse_args(arguments)
    try:
        reference, why = (given.old, "as --from says") if given.old else _last(given.run)
        if not reference:
            print(f"A first release, which comes from nothing: {why}.")
            return 0
        print(f"The last release is {reference}: {why}.")
        with tempfile.TemporaryDirectory() as folder:
            unpack(reference, Path(folder))
            with temporary() as (server,):
                prepare(server, "migration_test", Path(folder))
                MigrationTest(server, "migration_test", Path(folder), ROOT).run()
    except (MigrationTestError, ExerciseError) as error:
        print(f"FAILED: {error}")
        return 1
    except _UNTOLD as error:
        print(f"The test itself could not run: {error}")
        return 2
    print("PASSED")
    return 0


if __name__ == "__main__":
    sys.exit(main())
