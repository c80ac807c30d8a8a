"""Check what has to be on the machine before anything can be installed; stdlib only."""

import re
import shutil
import subprocess
import sys

PYTHON = (3, 11)
GO = (1, 24)
"""The first that knows go.mod's `tool` lines; it fetches the toolchain that go.mod names."""


def problems() -> list[str]:
    """Return a sentence for each thing that is missing or too old."""
    found = []
    if sys.version_info < PYTHON:
        have = ".".join(map(str, sys.version_info[:2]))
        found.append(f"Python {have} is too old; {_text(PYTHON)} or newer is needed.")
    if shutil.which("git") is None:
        found.append("git is needed, on PATH.")
    if shutil.which("go") is None:
        found.append(f"Go {_text(GO)} or newer is needed, on PATH, to build the control plane.")
    else:
        said = subprocess.run(["go", "version"], capture_output=True, text=True).stdout
        version = re.search(r"go(\d+)\.(\d+)", said)
        if version is None or tuple(map(int, version.groups())) < GO:
            found.append(f"{said.strip()!r} is too old; Go {_text(GO)} or newer is needed.")
    return found


def _text(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


if __name__ == "__main__":
    sys.exit("\n".join(problems()) or None)
