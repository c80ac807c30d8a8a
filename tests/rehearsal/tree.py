"""The working tree, for commits that a test makes of it."""

import shutil
import subprocess
from pathlib import Path

from local.paths import ROOT


def copy(folder: Path) -> None:
    """Copy all of the clone that is, or could be, under version control."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
