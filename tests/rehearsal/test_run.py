"""A run goes through every action in its turn, and on from wherever it was killed."""

import json
import signal
import subprocess

import pytest

from local.rehearsal.errors import WaitingError
from tests.local_aws.support import ACCOUNT, eventually
from tests.rehearsal import small
from tests.rehearsal.conftest import World
from tests.rehearsal.killed import PID


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
def test_a_run_that_is_killed_goes_on_in_another_process(world: World, action: str) -> None:
    # Done, and not yet written down: it is done once more, and nothing else is.
    assert world.killed(action) == -signal.SIGKILL
    again: list[str] = []
    world.noted = again.append
    world.engine.rehearse()
    assert tuple(again) == small.ACTIONS[small.ACTIONS.index(action) :]
    assert (world.topic("dev"), world.topic("prod")) == ("one", "one")
    assert world.runs() == [("STANDARD", "Succeeded")]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
def test_a_build_does_not_outlive_its_rehearsal_for_long(
    world: World, number: signal.Signals
) -> None:
    alive, pid = world.folder / "alive", world.folder / PID
    end = f"kill -{number.value} $(cat {pid})"
    script = f"#!/bin/sh\ntest -f {alive} && exit 0\necho $$ > {alive}\n{end}\nexec sleep 600\n"
    world.repository.commit("one", smoke_sh=script)
    assert world.killed() == -number
    if number == signal.SIGINT:
        # Who is interrupted cleans up; after one that was killed the next one does.
        eventually("the build is gone", lambda: not _runs(int(alive.read_text())))
    world.engine.rehearse()
    assert world.topic("prod") == "one"
    eventually("the build is gone", lambda: not _runs(int(alive.read_text())))


def _runs(pid: int) -> bool:
    done = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return done.stdout.strip().startswith(("S", "R", "D"))


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
