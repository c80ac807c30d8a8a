"""A run goes through every action in its turn, and on from wherever it was interrupted."""

import json

import pytest

from local.rehearsal.errors import WaitingError
from tests.local_aws.support import ACCOUNT
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


def test_a_commit_that_adds_a_step_changes_the_pipeline_itself(world: World) -> None:
    def commit(more: int) -> None:
        made = {"Resources": small.template(ACCOUNT, mutates=True, more=more)}
        files = {"pipeline_json": json.dumps(made), "mutate_py": small.MUTATE}
        world.repository.commit(f"with {more} more", **files)

    commit(0)
    world.change(mutates=True)
    world.engine.rehearse()
    assert world.topic("prod") == "with 0 more"
    commit(1)
    run = world.engine.rehearse()
    assert run.version == 3
    assert "Build/More0" in run.done
    assert world.topic("prod") == "with 1 more"
    assert world.runs()[:2] == [("STANDARD", "Succeeded"), ("STANDARD", "Superseded")]
