import subprocess
from pathlib import Path

import pytest

from delivery import migration_test
from delivery.release import NoCloneError, ReleaseError, last_release, unpack


def git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.com")
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


def clone(origin: Path, *options: str) -> Path:
    folder = origin.with_name("clone")
    git(origin, "clone", *options, f"file://{origin}", str(folder))
    return folder


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """A repository of three commits; its one release is the first."""
    folder = tmp_path / "origin"
    folder.mkdir()
    git(folder, "init", "--quiet")
    (folder / "service").mkdir()
    for number in range(3):
        (folder / "service" / "code.py").write_text(f"NUMBER = {number}\n")
        git(folder, "add", ".")
        git(folder, "commit", "--message", f"Commit {number}")
        if number == 0:
            git(folder, "tag", "v0.1.0")
    return folder


def test_the_last_release_is_the_tag_before_this_commit(origin: Path, tmp_path: Path) -> None:
    whole = clone(origin)
    assert last_release(whole) == "v0.1.0"
    git(whole, "tag", "v0.2.0")
    assert last_release(whole) == "v0.1.0"
    git(whole, "tag", "v0.1.1", "HEAD^")
    git(whole, "tag", "nightly", "HEAD^")
    assert last_release(whole) == "v0.1.1"
    unpack("v0.1.0", tmp_path, whole)
    assert (tmp_path / "service" / "code.py").read_text() == "NUMBER = 0\n"


def test_a_first_release_comes_from_none(
    origin: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    git(origin, "tag", "--delete", "v0.1.0")
    monkeypatch.setattr(migration_test, "ROOT", clone(origin))
    assert migration_test.main([]) == 0
    assert "no release to come from" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "sentence"),
    [(["--depth=1"], "is shallow, .*--unshallow"), (["--no-tags"], "without tags, .*fetch --tags")],
)
def test_a_clone_that_cannot_tell_is_refused(
    origin: Path,
    options: list[str],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = clone(origin, *options)
    with pytest.raises(ReleaseError, match=sentence):
        last_release(folder)
    monkeypatch.setattr(migration_test, "ROOT", folder)
    assert migration_test.main([]) == 2
    assert "could not run: This clone" in capsys.readouterr().out


def test_a_shallow_clone_that_holds_the_last_release_is_enough(origin: Path) -> None:
    git(origin, "tag", "v0.2.0", "HEAD^")
    folder = clone(origin, "--depth=2")
    git(folder, "fetch", "--tags", "--depth=2")
    assert last_release(folder) == "v0.2.0"


def test_what_is_no_clone_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(NoCloneError, match="is no git clone"):
        last_release(tmp_path)


def test_a_reference_that_git_does_not_know_is_a_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert migration_test.main(["--from", "no-such-reference"]) == 2
    assert "can't tell service/ of 'no-such-reference'" in capsys.readouterr().out
