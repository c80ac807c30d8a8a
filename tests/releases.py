"""The templates as they were released, from git."""

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from delivery.release import NoCloneError, ReleaseError, last_release
from guards.assembly import Templates
from guards.synthesis import GOLDEN, templates_in
from local.paths import ROOT


def released() -> Mapping[str, Templates]:
    """Return the golden templates of the last release, or of this commit before there was one.

    Those in the working tree where git can't be asked. Skips the test in a clone that can't tell,
    rather than compare with nothing.
    """
    folder = GOLDEN.relative_to(ROOT)
    try:
        reference = last_release() or "HEAD"
    except NoCloneError:
        return templates_in(GOLDEN)
    except ReleaseError as error:
        pytest.skip(str(error))
    command = ["git", "archive", reference, str(folder)]
    archive = subprocess.run(command, cwd=ROOT, capture_output=True)
    if archive.returncode:
        return templates_in(GOLDEN)
    with tempfile.TemporaryDirectory() as output:
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
            files.extractall(output, filter="data")
        return templates_in(Path(output) / folder)
