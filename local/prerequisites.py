"""Check what has to be on the machine before anything can be installed; stdlib only.

Go isn't asked for here: only who builds a control plane needs it (local/tools/go.py), and the
pipeline's builds have none that is new enough.
"""

import shutil
import sys

PYTHON = (3, 11)


def problems() -> list[str]:
    """Return a sentence for each thing that is missing or too old."""
    found = []
    if sys.version_info < PYTHON:
        have = ".".join(map(str, sys.version_info[:2]))
        found.append(f"Python {have} is too old; {_text(PYTHON)} or newer is needed.")
    if shutil.which("git") is None:
        found.append("git is needed, on PATH.")
    return found


def _text(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


if __name__ == "__main__":
    sys.exit("\n".join(problems()) or None)
