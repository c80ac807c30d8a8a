"""The templates as they were released, from git."""

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

from delivery.migration_test import last_release
from guards.assembly import Templates
from guards.synthesis import GOLDEN, templates_in
from local.paths import ROOT


def released() -> Mapping[str, Templates]:
    """Return the golden templates of the last release, or of this commit before there was one.

    Those in the working tree where git can't be asked.
    """
    folder = GOLDEN.relative_to(ROOT)
    command = ["git", "archive", last_release() or "HEAD", str(folder)]
    archive = subprocess.run(command, cwd=ROOT, capture_output=True)
    if archive.returncode:
        return templates_in(GOLDEN)
    with tempfile.TemporaryDirectory() as output:
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
            files.extractall(output, filter="data")
        return templates_in(Path(output) / folder)
