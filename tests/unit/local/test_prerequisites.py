"""What is missing on a machine is said in a sentence each, before anything is installed."""

from pathlib import Path

import pytest

from local import prerequisites


def _commands(folder: Path, **said: str) -> str:
    for name, text in said.items():
        command = folder / name
        command.write_text(f"#!/bin/sh\necho '{text}'\n")
        command.chmod(0o755)
    return str(folder)


def test_a_machine_with_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", _commands(tmp_path, git="", go="go version go1.26.8 linux/amd64"))
    assert prerequisites.problems() == []


def test_a_bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(prerequisites, "PYTHON", (3, 99))
    python, git, go = prerequisites.problems()
    assert "is too old; 3.99 or newer is needed" in python
    assert git == "git is needed, on PATH."
    assert go.startswith("Go 1.24 or newer is needed, on PATH")


def test_an_old_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", _commands(tmp_path, git="", go="go version go1.19 linux/amd64"))
    (problem,) = prerequisites.problems()
    assert problem == "'go version go1.19 linux/amd64' is too old; Go 1.24 or newer is needed."
