"""`make rehearse` says by its exit code how far it came, and always in what it was not AWS."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from delivery.registry import TOKEN, USERNAME
from local.errors import LocalError
from local.paths import State
from local.rehearsal import __main__ as command
from local.rehearsal.errors import ActionFailedError, ChangesForeverError, WaitingError
from local.rehearsal.state import FAILED, IN_PROGRESS, SUCCEEDED, Run, Runs

DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutObject")


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """The command keeps the user's AWS settings out of its process."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def ended(monkeypatch: pytest.MonkeyPatch, folder: Path, error: BaseException | None) -> int:
    def rehearse(*_given: Any, approve: bool) -> None:
        if error:
            raise error

    monkeypatch.setattr(command, "_rehearse", rehearse)
    return command.main(["--state", str(folder / "state")])


def known(folder: Path, **given: Any) -> None:
    Runs(State(folder / "state").rehearsal).save(
        Run(identifier="one", version=1, commit="0123456789abcdef", **given)
    )


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (None, 0, ""),
        (WaitingError("approve-prod waits"), 3, "approve-prod waits"),
        (ActionFailedError("dev/smoke-dev: the page is empty"), 1, "error: dev/smoke-dev: the"),
        (ChangesForeverError("mindforce has changed itself"), 1, "error: mindforce has changed"),
        (LocalError("no Go here"), 1, "error: no Go here"),
        (TimeoutError("the stand-in is silent"), 1, "error: the stand-in is silent"),
        (DENIED, 1, "error: The AWS stand-in doesn't do its part: .*PutObject"),
        (subprocess.CalledProcessError(1, ["git"], stderr="bad"), 1, "error: git failed: bad"),
        (KeyboardInterrupt(), 128 + signal.SIGINT, "interrupted: 'make rehearse' goes on"),
    ],
)
def test_its_exit_code_says_how_it_ended(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    error: BaseException | None,
    code: int,
    said: str,
) -> None:
    assert ended(monkeypatch, tmp_path, error) == code
    shown = capsys.readouterr()
    assert (shown.err if code == 1 else shown.out).strip().startswith(said.partition(".*")[0])
    assert said.rpartition(".*")[2] in shown.out + shown.err
    # Nothing began, so there is nothing to say of a run.
    assert "Not as in AWS" not in shown.out


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (None, SUCCEEDED),
        (WaitingError("approve-prod waits"), IN_PROGRESS),
        (ActionFailedError("prod/smoke-prod: no"), FAILED),
    ],
)
def test_whatever_became_of_it_its_deviations_come_last(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    error: BaseException | None,
    status: str,
) -> None:
    done = {"Source/a": 1.0, "Build/Synth": 2.0}
    known(tmp_path, status=status, done=done, deviations=["Images: no Docker", "3 s, not 120 s"])
    ended(monkeypatch, tmp_path, error)
    *_, first, heading, one, other = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{status}: 0123456789ab after 0 s, 2 actions")
    assert heading.startswith("Not as in AWS")
    assert (one, other) == ("  Images: no Docker", "  3 s, not 120 s")


def test_a_given_login_goes_into_the_secret_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(USERNAME, "somebody")
    monkeypatch.setenv(TOKEN, "secret")
    given: list[Any] = []

    def rehearse(_state: State, _progress: Any, login: Any, *, approve: bool) -> None:
        given.append(login)
        assert "secret" not in os.environ.values()

    monkeypatch.setattr(command, "_rehearse", rehearse)
    assert command.main(["--state", str(tmp_path / "state")]) == 0
    assert given == [{"username": "somebody", "accessToken": "secret"}]
