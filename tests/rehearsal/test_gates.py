"""A gate that fails stops the pipeline right there, and the stage goes back to what it was."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from local.rehearsal.errors import ActionFailedError, ChangesForeverError
from tests.rehearsal import small
from tests.rehearsal.conftest import World
from tests.rehearsal.small import BROKEN_SMOKE


def test_a_failing_smoke_stops_it_before_the_approval(world: World) -> None:
    world.repository.commit("one", smoke_sh="#!/bin/sh\necho the page is empty\nexit 7\n")
    with pytest.raises(ActionFailedError, match=r"(?s)^dev/Smoke.*the page is empty") as stopped:
        world.engine.rehearse()
    assert "No run of dev succeeded to roll back to." in str(stopped.value)
    assert (world.topic("dev"), world.topic("prod")) == ("one", None)
    assert world.runs() == [("STANDARD", "Failed")]


def test_a_stage_that_fails_is_rolled_back_to_its_last_good_run(world: World) -> None:
    good = world.repository.commit("good")
    world.engine.rehearse()
    world.repository.commit("bad", smoke_sh="#!/bin/sh\nexit 7\n")
    with pytest.raises(ActionFailedError, match=rf"dev was rolled back to {good[:12]}"):
        world.engine.rehearse()
    assert (world.topic("dev"), world.topic("prod")) == ("good", "good")
    assert world.runs() == [
        ("ROLLBACK", "Succeeded"),
        ("STANDARD", "Failed"),
        ("STANDARD", "Succeeded"),
    ]
    # The same commit once more is deployed once more, before its gate.
    tried: list[str] = []
    world.noted = tried.append
    with pytest.raises(ActionFailedError, match=rf"dev was rolled back to {good[:12]}"):
        world.engine.rehearse()
    assert tried[:3] == ["dev/Prepare", "dev/Deploy", "dev/Prepare"]
    world.repository.commit("mended", smoke_sh="#!/bin/sh\nexit 0\n")
    world.engine.rehearse()
    assert (world.topic("dev"), world.topic("prod")) == ("mended", "mended")


def test_a_roll_back_by_commit_goes_the_same_way(world: World) -> None:
    for topic in ("first", "second", "first"):
        world.repository.commit(topic)
        world.engine.rehearse()
    assert (world.topic("dev"), world.topic("prod")) == ("first", "first")


def test_a_rejected_approval_stops_it(world: World) -> None:
    world.approves = False
    with pytest.raises(ActionFailedError, match=r"^approve-prod/Approve: Approve was rejected"):
        world.engine.rehearse()
    assert world.topic("prod") is None


def test_what_failed_can_be_tried_again_where_it_failed(world: World) -> None:
    world.approves = False
    with pytest.raises(ActionFailedError):
        world.engine.rehearse()
    tried: list[str] = []
    world.approves, world.noted = True, tried.append
    world.engine.rehearse()
    assert tried == ["approve-prod/Approve", "prod/Prepare", "prod/Deploy"]
    assert world.runs() == [("STANDARD", "Succeeded")]


def test_a_buildspec_that_fails_half_way_still_says_so_afterwards(world: World) -> None:
    world.change(smoke=BROKEN_SMOKE)
    with pytest.raises(ActionFailedError, match="dev/Smoke") as stopped:
        world.engine.rehearse()
    (log,) = world.folder.glob("*/dev-Smoke/build.log")
    said = log.read_text()
    assert "first" in said
    assert "never" not in said.replace("echo never", "")
    assert "afterwards, succeeding: 0" in said
    assert str(log) in str(stopped.value)


def test_a_synthesis_that_fails_deploys_nothing(world: World) -> None:
    (world.repository.folder / "noted").unlink()
    (world.repository.folder / "noted").mkdir()
    (world.repository.folder / "noted" / "file").touch()
    world.repository.commit("one")
    with pytest.raises(ActionFailedError, match=r"(?s)^Build/Synth.*noted"):
        world.engine.rehearse()
    assert world.topic("dev") is None


def test_a_pipeline_that_never_stops_changing_is_ended(world: World) -> None:
    more = iter(range(1, 100))

    def change(done: str) -> None:
        if done == "Build/Synth":
            world.change(more=next(more))

    world.noted = change
    with pytest.raises(ChangesForeverError, match="depends on more than the commit"):
        world.engine.rehearse()


Spoil = Callable[[World], Any]


def _without_connection(world: World) -> None:
    world.engine.root.ask("ForgetConnection", {"connectionArn": world.connection})


def _without_trust(world: World) -> None:
    iam = world.account.client("iam")
    iam.update_assume_role_policy(
        RoleName="small-deployer", PolicyDocument=_document("arn:aws:iam::999999999999:root")
    )


def _without_bootstrap(world: World) -> None:
    iam = world.account.client("iam")
    iam.delete_role_policy(RoleName="small-deployer", PolicyName="own")
    iam.delete_role(RoleName="small-deployer")


def _with_another_connection(world: World) -> None:
    world.change(connection=small.CONNECTION.replace("-0000", "-1111"))


def _without_secret(world: World) -> None:
    world.change(secret="mindforce/docker-hub:accessToken")


def _without_key(world: World) -> None:
    kms = world.account.client("kms")
    key = world.account.resource("pipeline", "Key")
    kms.put_key_policy(
        KeyId=key, PolicyName="default", Policy=_document("arn:aws:iam::999999999999:root")
    )


def _without_role(world: World) -> None:
    iam = world.account.client("iam")
    role = world.account.resource("pipeline", "Act")
    iam.delete_role_policy(RoleName=role, PolicyName="own")


def _document(principal: str) -> str:
    statement = (
        '{"Effect": "Allow", "Action": ["sts:AssumeRole", "kms:*"], "Resource": "*", '
        f'"Principal": {{"AWS": "{principal}"}}}}'
    )
    return f'{{"Version": "2012-10-17", "Statement": [{statement}]}}'


WRONG: Mapping[str, tuple[Spoil, str]] = {
    "no connection": (
        _without_connection,
        "Source/Commit: Connection not found: arn:aws:.*make and confirm it in the console",
    ),
    "another connection": (
        _with_another_connection,
        "Source/Commit: Connection not found: arn:aws:.*-1111 .*connection_arn",
    ),
    "no secret": (
        _without_secret,
        "Build/Synth: TOKEN can't be had from the secret mindforce/.*make it in this account, "
        "as docs/first-day.md says",
    ),
    "no bootstrap": (
        _without_bootstrap,
        "dev/Prepare: .*small-deployer can't be assumed.*'make bootstrap'",
    ),
    "no trust": (_without_trust, "dev/Prepare: .*small-deployer can't be assumed.*make bootstrap"),
    "no key": (_without_key, "Source/Commit: The artifact Code can't be written.*kms:Generate"),
    "no permission": (_without_role, "Source/Commit: .*codeconnections:UseConnection"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_missing_is_named_before_anything_is_deployed(world: World, what: str) -> None:
    spoil, said = WRONG[what]
    spoil(world)
    with pytest.raises(ActionFailedError, match=f"(?s)^{said}"):
        world.engine.rehearse()
    assert (world.topic("dev"), world.topic("prod")) == (None, None)


def test_that_production_lets_nobody_in_shows_before_anything_is_done(world: World) -> None:
    role = world.account.resource("pipeline", "ProdDeployer")
    world.account.client("iam").update_assume_role_policy(
        RoleName=role, PolicyDocument=_document("arn:aws:iam::999999999999:root")
    )
    done: list[str] = []
    world.noted = done.append
    said = rf"^prod/Prepare: .*{role} can't be assumed: .*'make bootstrap'"
    with pytest.raises(ActionFailedError, match=said):
        world.engine.rehearse()
    assert done == []
    assert world.runs() == [("STANDARD", "Failed")]
