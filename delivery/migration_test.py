"""`python -m delivery.migration_test`: prove that migrations can be rolled out and back.

Beside a PostgreSQL of its own, never an environment's: from the last release's schema and data up
to this one's while the old code serves, then old and new code side by side, then down again.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from delivery import rows
from delivery.exercise import ExerciseError
from delivery.postgres import PostgresError, temporary
from delivery.process import ROOT
from delivery.rehearsal import MigrationTest, MigrationTestError, prepare
from delivery.release import ReleaseError, last_release, unpack


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when the migrations may be released, 1 when not, 2 when that can't be told."""
    parser = argparse.ArgumentParser(prog="python -m delivery.migration_test", description=__doc__)
    parser.add_argument("--from", dest="old", help="the last release: a git reference")
    given = parser.parse_args(arguments)
    try:
        reference = given.old or last_release(ROOT)
        if not reference:
            print(
                "There is no tag v* before this commit: no release to come from, nothing to test."
            )
            return 0
        with tempfile.TemporaryDirectory() as folder:
            print(f"The last release is {reference}.")
            unpack(reference, Path(folder))
            with temporary() as (server,):
                prepare(server, "migration_test", Path(folder))
                MigrationTest(server, "migration_test", Path(folder), ROOT).run()
    except (MigrationTestError, ExerciseError) as error:
        print(f"FAILED: {error}")
        return 1
    except (ReleaseError, PostgresError, SQLAlchemyError, rows.UnknownType) as error:
        print(f"The test itself could not run: {error}")
        return 2
    print("PASSED")
    return 0


if __name__ == "__main__":
    sys.exit(main())
