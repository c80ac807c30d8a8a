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


def test_one_that_is_killed_while_it_rolls_back_ends_the_roll_back_first(world: World) -> None:
    good = world.repository.commit("good")
    world.engine.rehearse()
    world.repository.commit("bad", smoke_sh="#!/bin/sh\nexit 7\n")
    # The second time is the roll-back's.
    assert world.killed("dev/Prepare", times=2) == -signal.SIGKILL
    assert world.runs()[:2] == [("ROLLBACK", "InProgress"), ("STANDARD", "Failed")]
    world.repository.commit("mended", smoke_sh="#!/bin/sh\nexit 0\n")
    went: list[str] = []
    world.noted = lambda action: went.append(f"{action} {world.topic('dev')}")
    world.engine.rehearse()
    assert f"dev was rolled back to {good[:12]}." in world.said
    assert went[:3] == ["dev/Prepare bad", "dev/Deploy good", "dev/Smoke good"]
    assert tuple(one.split()[0] for one in went[3:]) == small.ACTIONS
    assert (world.topic("dev"), world.topic("prod")) == ("mended", "mended")
    assert world.runs()[:3] == [
        ("STANDARD", "Succeeded"),
        ("ROLLBACK", "Succeeded"),
        ("STANDARD", "Failed"),
    ]


def _commit_itself(world: World, more: int) -> None:
    """Commit the pipeline with so many steps more, and what makes it change itself."""
    made = {"Resources": small.template(ACCOUNT, mutates=True, more=more)}
    files = {"pipeline_json": json.dumps(made), "mutate_py": small.MUTATE}
    world.repository.commit(f"with {more} more", **files)


@pytest.mark.parametrize("more", [0, 1], ids=["as it was", "changed"])
def test_one_that_is_killed_once_it_changed_itself_goes_on_as_what_it_is(
    world: World, more: int
) -> None:
    _commit_itself(world, more)
    world.change(mutates=True)
    assert world.killed("UpdatePipeline/SelfMutate") == -signal.SIGKILL
    again: list[str] = []
    world.noted = again.append
    run = world.engine.rehearse()
    assert run.version == 2 + more
    # Changed, it begins again; as it was, it goes on.
    assert again[0] == ("Source/Commit" if more else "UpdatePipeline/SelfMutate")
    assert ("Build/More0" in again) == bool(more)
    assert world.topic("prod") == f"with {more} more"
    # The first of all began with the stack's creation, and nobody has run it.
    ended = [("STANDARD", "Succeeded"), ("STANDARD", "Superseded")]
    assert world.runs()[:-1] == ended[: 1 + more]


def test_a_commit_that_adds_a_step_changes_the_pipeline_itself(world: World) -> None:
    _commit_itself(world, 0)
    world.change(mutates=True)
    world.engine.rehearse()
    assert world.topic("prod") == "with 0 more"
    _commit_itself(world, 1)
    run = world.engine.rehearse()
    assert run.version == 3
    assert "Build/More0" in run.done
    assert world.topic("prod") == "with 1 more"
    assert world.runs()[:2] == [("STANDARD", "Succeeded"), ("STANDARD", "Superseded")]
