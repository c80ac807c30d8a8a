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

FOLDER = GOLDEN.relative_to(ROOT)


def released(root: Path = ROOT) -> Mapping[str, Templates]:
    """Return the golden templates of the last release, or before there was one an earlier version.

    Those in the working tree where git can't be asked. Skips the test in a clone that can't tell,
    rather than compare with nothing.
    """
    try:
        reference = last_release(root) or _last_version_but_one(root)
    except NoCloneError:
        return templates_in(root / FOLDER)
    except ReleaseError as error:
        pytest.skip(str(error))
    archive = _git(root, "archive", reference, str(FOLDER))
    with tempfile.TemporaryDirectory() as output:
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(output, filter="data")
        return templates_in(Path(output) / FOLDER)


def _last_version_but_one(root: Path) -> str:
    """Return a commit whose golden templates aren't those of this one, or the first that has any.

    This commit's own are what is synthesized: an update from them would change nothing.
    """
    templates = f":(glob){FOLDER}/*/*.template.json"
    changed = _git(root, "log", "--max-count=2", "--format=%H", "--", templates)
    return changed.decode().split()[-1]


def _git(root: Path, *words: str) -> bytes:
    return subprocess.run(["git", *words], cwd=root, check=True, capture_output=True).stdout
