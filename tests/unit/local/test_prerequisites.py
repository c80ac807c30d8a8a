"""What is missing on a machine is said in a sentence each, before anything is installed."""

import os
from pathlib import Path

import pytest

from local import __main__ as local
from local import prerequisites


def _commands(folder: Path, **said: str) -> str:
    for name, text in said.items():
        command = folder / name
        command.write_text(f"#!/bin/sh\necho '{text}'\n")
        command.chmod(0o755)
    return str(folder)


def test_a_machine_with_everything_has_no_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As CodeBuild's image, whose Go is too old to build anything here."""
    monkeypatch.setenv("PATH", _commands(tmp_path, git=""))
    assert prerequisites.problems() == []


def test_a_bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(prerequisites, "PYTHON", (3, 99))
    python, git = prerequisites.problems()
    assert "is too old; 3.99 or newer is needed" in python
    assert git == "git is needed, on PATH."


@pytest.mark.parametrize(
    ("go", "said"),
    [
        ({}, "Go 1.26.0 or newer is needed to build etcd: install it."),
        (
            {"go": "go1.20.5"},
            "Go 1.26.0 or newer is needed to build etcd, but this machine has 1.20.5: install a "
            "newer one.",
        ),
    ],
)
def test_who_stands_something_up_is_asked_for_go(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    go: dict[str, str],
    said: str,
) -> None:
    monkeypatch.setenv("PATH", _commands(tmp_path, git="", **go))
    monkeypatch.setenv("MINDFORCE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    # It leaves the environment as it needs it.
    monkeypatch.setattr(os, "environ", os.environ.copy())
    assert local.main(["--state", str(tmp_path / "state"), "up"]) == 1
    assert capsys.readouterr().err.endswith(f"error: {said}\n")
