"""A buildspec's phases run as CodeBuild runs them."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.rehearsal.buildspec import parse, runtimes, script
from local.rehearsal.errors import ActionFailedError


def run(folder: Path, **phases: Any) -> tuple[int, list[str]]:
    spec = parse(json.dumps({"version": "0.2", "phases": phases}))
    words = ["bash", "-c", script(spec, str(folder / "exported"))]
    environment = {"CODEBUILD_SRC_DIR": str(folder), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True)
    return done.returncode, [x for x in done.stdout.splitlines() if not x.startswith("[Container]")]


def commands(*listed: str, **rest: Any) -> dict[str, Any]:
    return {"commands": list(listed), **rest}


def test_phases_share_a_shell_and_come_in_their_order(tmp_path: Path) -> None:
    status, said = run(
        tmp_path,
        post_build=commands("echo $A$B"),
        build=commands("B=2"),
        install=commands("A=1", "cd /"),
    )
    assert (status, said) == (0, ["12"])


def test_the_first_command_that_fails_ends_its_phase_and_the_build(tmp_path: Path) -> None:
    status, said = run(
        tmp_path,
        pre_build=commands("echo one", "(exit 3)", "echo two"),
        build=commands("echo three"),
        post_build=commands("echo four"),
    )
    assert (status, said) == (3, ["one"])


def test_what_comes_after_a_failed_build_knows_it(tmp_path: Path) -> None:
    status, said = run(
        tmp_path,
        build=commands("(exit 3)"),
        post_build=commands("echo $CODEBUILD_BUILD_SUCCEEDING"),
    )
    assert (status, said) == (3, ["0"])


def test_finally_runs_whatever_became_of_its_phase(tmp_path: Path) -> None:
    phase = commands("(exit 3)", **{"finally": ["echo after"]})
    assert run(tmp_path, install=phase) == (3, ["after"])


def test_values_go_out_by_their_names(tmp_path: Path) -> None:
    spec = parse(
        json.dumps(
            {
                "version": "0.2",
                "env": {"exported-variables": ["A", "NONE"]},
                "phases": {"build": {"commands": ["A='two words'"]}},
            }
        )
    )
    file = tmp_path / "exported"
    environment = {"CODEBUILD_SRC_DIR": str(tmp_path)}
    subprocess.run(["bash", "-c", script(spec, str(file))], env=environment, check=True)
    assert file.read_text() == "A=two words\0NONE=\0"


def test_runtimes_are_told() -> None:
    text = "version: 0.2\nphases: {install: {runtime-versions: {python: 3.11}}}"
    assert runtimes(parse(text)) == {"python": "3.11"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version: 0.1", "begins with version 0.2"),
        ("[", "YAML_FILE_ERROR"),
        ("version: 0.2\nbatch: {}", "batch of a buildspec is not rehearsed"),
        ("version: 0.2\nphases: {test: {}}", "test of phases is not rehearsed"),
        ("version: 0.2\nphases: {build: {run-as: me}}", "run-as of build is not rehearsed"),
        ("version: 0.2\nphases: {build: {on-failure: CONTINUE}}", "on-failure of build is not"),
        (
            "version: 0.2\nenv: {shell: bash, parameter-store: {A: b}}",
            "parameter-store, shell of env",
        ),
        (
            "version: 0.2\nartifacts: {files: a, exclude-paths: b}",
            "exclude-paths of artifacts is not",
        ),
        (
            "version: 0.2\nartifacts: {secondary-artifacts: {a: {discard-paths: yes}}}",
            "discard-paths of the artifact a is not rehearsed",
        ),
    ],
)
def test_what_would_not_run_is_refused(text: str, said: str) -> None:
    with pytest.raises(ActionFailedError, match=said):
        parse(text)
