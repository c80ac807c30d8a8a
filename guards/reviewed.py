"""`python -m guards.reviewed FOLDER`: refuse a synthesis that allows what nobody has reviewed.

FOLDER is a cloud assembly, with or without the pipeline. What was reviewed is kept with the golden
templates, ACCOUNT/permissions.txt: 'make snapshots' writes it, who owns the file approves a change.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from config.environments import TABLE
from guards import assembly
from guards.assembly import Templates
from guards.permissions import broadened, lines
from guards.synthesis import GOLDEN

FILE = "permissions.txt"


def problems(folder: Path, golden: Path = GOLDEN) -> Iterator[str]:
    """Yield a sentence for each thing that an assembly allows, or denies no longer, unreviewed."""
    for name, templates in by_account(folder).items():
        file = golden / name / FILE
        kept = file.read_text().splitlines() if file.exists() else []
        for line in broadened(kept, lines(templates)):
            yield f"{name}: {line}"


def by_account(folder: Path) -> Mapping[str, Templates]:
    """Return an assembly's templates by the name of the account that they are for."""
    pipeline = assembly.outside(folder)
    return {**assembly.read(folder), **({TABLE.tooling.name: pipeline} if pipeline else {})}


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when all that is allowed was reviewed, 1 when not."""
    parser = argparse.ArgumentParser(prog="python -m guards.reviewed", description=__doc__)
    parser.add_argument("folder", type=Path, help="a cloud assembly")
    found = list(problems(parser.parse_args(arguments).folder))
    if not found:
        return 0
    listed = "".join(f"  {one}\n" for one in found)
    print(
        f"error: Permissions were broadened, and nobody has reviewed it:\n{listed}"
        f"'make snapshots' writes them into {GOLDEN.name}/ACCOUNT/{FILE}; commit that, for review.",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
