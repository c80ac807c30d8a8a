"""A run goes through every action in its turn, and on from wherever it was interrupted."""

import pytest

from local.rehearsal.errors import WaitingError
from tests.rehearsal import small
from tests.rehearsal.conftest import World


class CrashError(BaseException):
    """What ends the process in the middle of a run."""


def test_a_commit_goes_through_all_stages(world: World) -> None:
    run = world.engine.rehearse()
    assert tuple(run.done) == small.ACTIONS
    assert (world.topic("dev"), world.topic("prod")) == ("one", "one")
    assert world.runs() == [("STANDARD", "Succeeded")]
    client = world.account.client("codebuild")
    builds = client.batch_get_builds(ids=client.list_builds()["ids"])["builds"]
    assert [build["buildStatus"] for build in builds] == ["SUCCEEDED", "SUCCEEDED"]


def test_nothing_of_production_is_there_before_the_approval(world: World) -> None:
    world.approves = None
    with pytest.raises(WaitingError, match="APPROVE=1"):
        world.engine.rehearse()
    assert (world.topic("dev"), world.topic("prod")) == ("one", None)
    assert world.runs() == [("STANDARD", "InProgress")]
    world.approves = True
    world.engine.rehearse()
    assert world.topic("prod") == "one"
    assert world.runs() == [("STANDARD", "Succeeded")]


@pytest.mark.parametrize("action", small.ACTIONS)
def test_an_interrupted_run_goes_on(world: World, action: str) -> None:
    def crash(done: str) -> None:
        if done == action:
            raise CrashError

    world.noted = crash
    with pytest.raises(CrashError):
        world.engine.rehearse()
    again: list[str] = []
    world.noted = again.append
    world.engine.rehearse()
    assert tuple(again) == small.ACTIONS[small.ACTIONS.index(action) :]
    assert (world.topic("dev"), world.topic("prod")) == ("one", "one")
    assert world.runs() == [("STANDARD", "Succeeded")]


def test_a_pipeline_that_changed_itself_begins_again(world: World) -> None:
    def change(done: str) -> None:
        if done == "Build/Synth":
            world.noted = lambda action: None
            world.change(more=1)

    world.noted = change
    run = world.engine.rehearse()
    assert "Build/More0" in run.done
    assert world.runs() == [("STANDARD", "Succeeded"), ("STANDARD", "Superseded")]
