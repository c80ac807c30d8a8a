"""The stand-in's own Python environment: MiniStack pins a botocore that the app doesn't want."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from local.errors import LocalError
from local.lock import shared_cache
from local.paths import ROOT

REQUIREMENTS = ROOT / "local" / "requirements.txt"


def ensure(kept: Path, report: Callable[[str], None]) -> Path:
    """Return the Python of an environment that has what local/requirements.txt names.

    Its folder is below `kept` and named by a hash of the list. Raises LocalError when pip fails.
    """
    minor = ".".join(map(str, sys.version_info[:2]))
    digest = hashlib.sha256(REQUIREMENTS.read_bytes() + minor.encode()).hexdigest()[:16]
    folder = kept / f"emulator-{digest}"
    python, stamp = folder / "bin" / "python", folder / "installed"
    if stamp.exists():
        return python
    with shared_cache(folder, report):
        if not stamp.exists():
            report(f"installing {REQUIREMENTS.relative_to(ROOT)} into {folder}")
            _install(folder, python)
            stamp.touch()
    return python


def _install(folder: Path, python: Path) -> None:
    shutil.rmtree(folder)
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    pip = [str(python), "-m", "pip"]
    for command in (
        [sys.executable, "-m", "venv", str(folder)],
        [*pip, "install", "--quiet", "--no-deps", "--require-hashes", "-r", str(REQUIREMENTS)],
        [*pip, "check"],
    ):
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise LocalError(f"{' '.join(command[1:4])} failed:\n{done.stderr.strip()}")
