"""The last release of the service, as git has it."""

import subprocess
from pathlib import Path

from delivery.process import ROOT


class ReleaseError(Exception):
    """The last release can't be told or had; the message says why and what would help."""


class NoCloneError(ReleaseError):
    """There is no git to ask."""


def last_release(root: Path = ROOT) -> str:
    """Return the tag of the last release before this commit, or nothing if there was none.

    Raises NoCloneError, and ReleaseError when the clone's history or its tags are not whole.
    """
    shallow = _is_shallow(root)
    found = _git(root, "describe", "--tags", "--abbrev=0", "--match", "v*", "HEAD^")
    if found.returncode == 0:
        return found.stdout.strip()
    if shallow:
        raise ReleaseError(
            "This clone is shallow, so it can't tell the last release; "
            "'git fetch --unshallow --tags' makes it whole."
        )
    if "--no-tags" in _git(root, "config", "--get-regexp", r"^remote\..*\.tagopt$").stdout:
        raise ReleaseError(
            "This clone was made without tags, so it can't tell the last release; "
            "'git fetch --tags' gets them."
        )
    return ""


def commit_before(root: Path = ROOT) -> str:
    """Return the commit before this one, or nothing if this is the first."""
    return _git(root, "rev-parse", "--verify", "--quiet", "HEAD^").stdout.strip()


def require(commit: str, root: Path = ROOT) -> None:
    """Raises ReleaseError unless the clone has the commit that the pipeline names."""
    shallow = _is_shallow(root)
    if _git(root, "cat-file", "-e", f"{commit}^{{commit}}").returncode:
        whole = "git fetch --unshallow" if shallow else f"git fetch origin {commit}"
        raise ReleaseError(
            f"The pipeline last brought {commit} to its end, which this clone doesn't have; "
            f"{whole!r} gets it, unless the branch was rewritten since."
        )


def unpack(reference: str, folder: Path, root: Path = ROOT) -> None:
    """Put service/ as it was at `reference` into `folder`. Raises ReleaseError."""
    words = ["git", "archive", reference, "service"]
    archive = subprocess.run(words, cwd=root, capture_output=True)
    if archive.returncode:
        said = archive.stderr.decode().strip()
        raise ReleaseError(f"git can't tell service/ of {reference!r}: {said}.")
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)


def _is_shallow(root: Path) -> bool:
    said = _git(root, "rev-parse", "--is-shallow-repository")
    if said.returncode:
        raise NoCloneError(f"{root} is no git clone, so it can't tell the last release.")
    return said.stdout.strip() == "true"


def _git(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True)
