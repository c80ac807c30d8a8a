"""An update is tested from templates that differ: of a release, or of an earlier commit."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.releases import FOLDER, released


def git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.com")
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


def commit(folder: Path, name: str, content: object) -> None:
    file = folder / FOLDER / "dev" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content))
    git(folder, "add", ".")
    git(folder, "commit", "--message", name)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Three versions of a template, then a commit that changes none."""
    folder = tmp_path / "origin"
    folder.mkdir()
    git(folder, "init", "--quiet")
    for version in (1, 2, 3):
        commit(folder, "Network.template.json", {"Version": version})
    commit(folder, "permissions.txt", "")
    return folder


def test_before_a_release_it_is_the_version_before_this_ones(repository: Path) -> None:
    assert released(repository) == {"dev": {"dev-Network": {"Version": 2}}}


def test_it_is_the_last_release_where_there_is_one(repository: Path) -> None:
    git(repository, "tag", "v0.1.0", "HEAD~3")
    assert released(repository) == {"dev": {"dev-Network": {"Version": 1}}}


def test_a_shallow_clone_is_told_apart_from_one_without_a_release(repository: Path) -> None:
    clone = repository.with_name("clone")
    git(repository, "clone", "--depth=1", f"file://{repository}", str(clone))
    with pytest.raises(pytest.skip.Exception, match=r"shallow.*'git fetch --unshallow --tags'"):
        released(clone)
