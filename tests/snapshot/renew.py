"""Renew the snapshots: python -m tests.snapshot.renew, then review with git diff."""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from config.environments import PIPELINE, TABLE
from config.errors import without_traceback
from local.paths import ROOT
from tests.snapshot import cost
from tests.snapshot.snapshots import FOLDER, render, tooling
from tests.synthesis import Synthesis


def main() -> None:
    """Write every snapshot anew and say which changed.

    Raises GuardError, and writes nothing, where it is too big or what holds data would be lost.
    """
    argparse.ArgumentParser(prog="python -m tests.snapshot.renew", description=__doc__).parse_args()
    old = {str(f.relative_to(FOLDER)): f.read_text() for f in FOLDER.rglob("*") if f.is_file()}
    with tempfile.TemporaryDirectory() as output:
        synthesis = Synthesis(TABLE, Path(output), PIPELINE)
        new = {**dict(render(synthesis)), **dict(tooling(Path(output)))}
    shutil.rmtree(FOLDER, ignore_errors=True)
    for name, text in new.items():
        file = FOLDER / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            print("removed" if name not in new else "wrote", name)
    # It counts what the new ones hold.
    page = cost.page()
    if page != cost.PAGE.read_text():
        cost.PAGE.write_text(page)
        print("wrote", cost.PAGE.relative_to(ROOT))


if __name__ == "__main__":
    sys.excepthook = without_traceback
    main()
