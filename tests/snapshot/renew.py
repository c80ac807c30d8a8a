"""Renew the snapshots: python -m tests.snapshot.renew, then review with git diff."""

import argparse
import shutil
import tempfile
from pathlib import Path

from config.environments import TABLE
from tests.snapshot.snapshots import FOLDER, render
from tests.synthesis import Synthesis


def main() -> None:
    """Write every snapshot anew and say which changed."""
    argparse.ArgumentParser(prog="python -m tests.snapshot.renew", description=__doc__).parse_args()
    old = {str(f.relative_to(FOLDER)): f.read_text() for f in FOLDER.rglob("*") if f.is_file()}
    with tempfile.TemporaryDirectory() as output:
        new = dict(render(Synthesis(TABLE, Path(output))))
    shutil.rmtree(FOLDER, ignore_errors=True)
    for name, text in new.items():
        file = FOLDER / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            print("removed" if name not in new else "wrote", name)


if __name__ == "__main__":
    main()
