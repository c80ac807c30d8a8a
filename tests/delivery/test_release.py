import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from delivery import migration_test
from delivery.release import NoCloneError, ReleaseError, last_release, unpack

Run = Mapping[str, Any]
Outcome = Callable[..., tuple[int, list[str]]]
COMMITS = {"a": "HEAD~2", "b": "HEAD^", "c": "HEAD"}


def run(name: str, status: str = "", to: str = "", by: str = "ManualRollback") -> Run:
    """A run of the pipeline as CodePipeline lists it: of the commit `name`, or back to `to`."""
    return {
        "pipelineExecutionId": name,
        "status": status or ("Succeeded" if to else "InProgress"),
        "sourceRevisions": [{"actionName": "source", "revisionId": to or name}],
        "trigger": {"triggerType": by if to else "WebhookV2"},
        "executionType": "ROLLBACK" if to else "STANDARD",
        **({"rollbackMetadata": {"rollbackTargetPipelineExecutionId": to}} if to else {}),
    }


class CodePipeline:
    """Lists runs, each on a page of its own; None may not be listed."""

    def __init__(self, runs: Sequence[Run] | None) -> None:
        self._runs = runs

    def get_paginator(self, name: str) -> "CodePipeline":
        assert name == "list_pipeline_executions"
        return self

    def paginate(self, pipelineName: str) -> Iterator[Mapping[str, Any]]:
        assert pipelineName == "mindforce"
        if self._runs is None:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "ListPipelineExecutions")
        for one in self._runs:
            yield {"pipelineExecutionSummaries": [one]}


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


@pytest.fixture
def outcome(origin: Path, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    """Run the command in a clone; return its exit code, and the code of what it came from."""
    found: list[str] = []

    class Untried:
        def __init__(self, *_: object) -> None: ...

        def run(self) -> None: ...

    def prepare(_server: object, _database: str, folder: Path) -> None:
        found.append((folder / "service" / "code.py").read_text())

    def outcome(*arguments: str) -> tuple[int, list[str]]:
        folder = clone(origin)
        monkeypatch.setattr(migration_test, "ROOT", folder)
        monkeypatch.setattr(
            migration_test, "unpack", lambda commit, into: unpack(commit, into, folder)
        )
        return migration_test.main(list(arguments)), found

    monkeypatch.setattr(migration_test, "temporary", lambda: nullcontext([None]))
    monkeypatch.setattr(migration_test, "prepare", prepare)
    monkeypatch.setattr(migration_test, "MigrationTest", Untried)
    monkeypatch.delenv("RUN", raising=False)
    return outcome


@pytest.fixture
def pipeline(origin: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have CodePipeline list runs, and be in one of them."""

    def pipeline(runs: Sequence[Run] | None) -> None:
        listed = [
            {**one, "sourceRevisions": [{**source, "revisionId": commit(source["revisionId"])}]}
            for one in runs or ()
            for source in one["sourceRevisions"]
        ]
        client = CodePipeline(None if runs is None else listed)
        monkeypatch.setattr("boto3.client", lambda service: client)
        monkeypatch.setenv("RUN", "mindforce/c")

    def commit(name: str) -> str:
        words = ["git", "rev-parse", COMMITS.get(name, name * 40)]
        done = subprocess.run(words, cwd=origin, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    return pipeline


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
    origin: Path, outcome: Outcome, capsys: pytest.CaptureFixture[str]
) -> None:
    git(origin, "reset", "--hard", "v0.1.0")
    git(origin, "tag", "--delete", "v0.1.0")
    assert outcome() == (0, [])
    assert "which comes from nothing: there is no commit before" in capsys.readouterr().out


def test_the_last_tag_counts(
    origin: Path, outcome: Outcome, capsys: pytest.CaptureFixture[str]
) -> None:
    assert outcome() == (0, ["NUMBER = 0\n"])
    assert "The last release is v0.1.0: the last tag v*." in capsys.readouterr().out


def test_without_a_tag_the_commit_before_counts(
    origin: Path, outcome: Outcome, capsys: pytest.CaptureFixture[str]
) -> None:
    git(origin, "tag", "--delete", "v0.1.0")
    assert outcome() == (0, ["NUMBER = 1\n"])
    assert "there is no tag v*, so the commit before this one" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("runs", "number"),
    [
        ([run("c"), run("b", "Succeeded"), run("a", "Succeeded")], 1),
        ([run("c"), run("b", "Failed"), run("a", "Succeeded")], 0),
        # By hand, as production's way back is.
        ([run("c"), run("d", to="a"), run("b", "Succeeded"), run("a", "Succeeded")], 0),
        ([run("d", "Failed", to="a"), run("b", "Succeeded"), run("a", "Succeeded")], 1),
        # To what never came to production: another stage went back.
        ([run("d", to="b"), run("b", "Failed"), run("a", "Succeeded")], 0),
        # By itself, while production has gone back by hand.
        (
            [
                run("e", to="b", by="AutomatedRollback"),
                run("d", to="a"),
                run("b", "Succeeded"),
                run("a", "Succeeded"),
            ],
            0,
        ),
    ],
)
def test_in_the_pipeline_it_is_what_production_runs(
    origin: Path,
    outcome: Outcome,
    pipeline: Callable[..., None],
    runs: Sequence[Run],
    number: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whatever is tagged."""
    git(origin, "tag", "v0.2.0", ("HEAD~2", "HEAD^")[1 - number])
    pipeline(runs)
    assert outcome() == (0, [f"NUMBER = {number}\n"])
    assert "the pipeline last brought it to its end" in capsys.readouterr().out


def test_the_pipeline_s_first_release_comes_from_none(
    outcome: Outcome, pipeline: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline([run("c"), run("b", "Failed")])
    assert outcome() == (0, [])
    assert "no run of the pipeline came to its end before" in capsys.readouterr().out


def test_what_the_clone_does_not_have_is_refused(
    outcome: Outcome, pipeline: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline([run("c"), run("f", "Succeeded")])
    assert outcome() == (2, [])
    said = f"The pipeline last brought {'f' * 40} to its end, which this clone doesn't have"
    assert said in capsys.readouterr().out


def test_runs_that_may_not_be_listed_are_a_sentence(
    outcome: Outcome, pipeline: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline(None)
    assert outcome() == (2, [])
    assert "could not run: An error occurred (AccessDenied)" in capsys.readouterr().out


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
