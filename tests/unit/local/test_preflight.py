"""What a pipeline's role can't become is told of all roles at once, before anything is done."""

from dataclasses import dataclass, field

import pytest

from local.rehearsal import preflight
from local.rehearsal.cloud import Actor
from local.rehearsal.errors import ActionFailedError


@dataclass(frozen=True)
class Service(Actor):
    """The pipeline's role, which some roles don't trust."""

    refused: tuple[str, ...] = ()
    tried: list[str] = field(default_factory=list)

    def assume(self, role: str, name: str) -> Actor:
        self.tried.append(role)
        if role in self.refused:
            raise ActionFailedError(f"{role} can't be assumed")
        return self


def service(*refused: str) -> Service:
    return Service(endpoint="", region="", key="", secret="", refused=refused)


PIPELINE = {
    "stages": [
        {"name": "Build", "actions": [{"name": "Synth", "roleArn": "builder"}]},
        {
            "name": "dev",
            "actions": [
                {"name": "Prepare", "roleArn": "dev"},
                {"name": "Deploy", "roleArn": "dev"},
                {"name": "Smoke", "roleArn": "builder"},
            ],
        },
        {"name": "prod", "actions": [{"name": "Ask"}, {"name": "Prepare", "roleArn": "prod"}]},
    ]
}


def test_every_role_is_tried_once() -> None:
    willing = service()
    preflight.check(PIPELINE, willing)
    assert willing.tried == ["builder", "dev", "prod"]


def test_each_that_is_refused_is_named_with_the_first_action_that_needs_it() -> None:
    with pytest.raises(ActionFailedError) as refused:
        preflight.check(PIPELINE, service("dev", "prod"))
    assert str(refused.value).splitlines() == [
        "dev/Prepare: dev can't be assumed",
        "prod/Prepare: prod can't be assumed",
    ]
