"""Images are built where they can be, and pushed: with Docker and a login that somebody gave."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from delivery.images import WITHOUT_DOCKER
from delivery.registry import TOKEN, USERNAME
from local import docker_hub
from local.rehearsal import stand_ins
from local.rehearsal.context import Context
from local.rehearsal.stand_ins import StandIns

MADE_UP = {USERNAME: docker_hub.NOBODY, TOKEN: "x"}
REAL = {USERNAME: "somebody", TOKEN: "x"}


def instead(login: Mapping[str, str], *, privileged: bool = True) -> tuple[dict[str, str], str]:
    """The variables that a build gets instead, and what is said of it."""
    said: list[str] = []
    context = cast(Context, SimpleNamespace(deviate=said.append))
    project: dict[str, Any] = {
        "name": "Images",
        "environment": {"privilegedMode": True} if privileged else {},
    }
    with StandIns().instead(context, project, Path("nowhere"), login) as changed:
        return dict(changed), "".join(said)


@pytest.mark.parametrize(
    ("docker", "login", "missing"),
    [
        (False, MADE_UP, "no Docker"),
        (False, REAL, "no Docker"),
        (True, MADE_UP, f"no login to a registry ({USERNAME} and {TOKEN} give one)"),
        (True, {}, "no login to a registry"),
        (True, REAL, None),
    ],
)
def test_images_are_made_up_without_docker_or_a_login(
    monkeypatch: pytest.MonkeyPatch, docker: bool, login: Mapping[str, str], missing: str | None
) -> None:
    monkeypatch.setattr(stand_ins, "_docker", lambda: docker)
    changed, said = instead(login)
    assert (WITHOUT_DOCKER in changed) == (missing is not None)
    if missing is None:
        assert said == ""
    else:
        assert said.startswith(f"Images: {missing}")
        assert said.endswith("nothing built or scanned, digests made up.")


def test_a_build_without_privileges_needs_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stand_ins, "_docker", lambda: False)
    assert instead(MADE_UP, privileged=False) == ({}, "")


def test_a_login_is_given_by_both_variables_or_not_at_all() -> None:
    assert docker_hub.given(REAL) == {"username": "somebody", "accessToken": "x"}
    assert docker_hub.given({USERNAME: "somebody"}) is None
    assert docker_hub.given({USERNAME: "somebody", TOKEN: ""}) is None
