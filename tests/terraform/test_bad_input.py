"""What is wrong is said in a sentence, before anything is made."""

import json
from pathlib import Path

import pytest

from terraform import root
from terraform.errors import AccountsError
from tests.terraform.world import World

ACCOUNTS = {
    "dev": {"email": "aws@example.com", "unit": "workloads/dev", "id": "1234"},
    "stage": {"email": "AWS@example.com", "unit": "workloads/staging"},
    "prod": {"email": "aws-prod@example.com", "unit": "workloads/prod"},
    "tooling": {"email": "aws-tooling@example.com", "unit": "tooling"},
}


def made(world: World) -> bool:
    """Whether the account has an organization."""
    organizations = world.management.client("organizations")
    try:
        organizations.describe_organization()
    except organizations.exceptions.AWSOrganizationsNotInUseException:
        return False
    return True


def refused(world: World, *options: str) -> str:
    """What a command says that does nothing, on one line a sentence."""
    done = world.accounts(*options)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert not made(world)
    return " ".join(done.stderr.split())


def test_facts_that_cannot_be_are_all_named_at_once(world: World) -> None:
    world.change("organization", accounts=ACCOUNTS, regions=["eu-west-1"])
    said = refused(world, "--apply")
    for sentence in (
        "dev and stage have the e-mail address aws@example.com; each account must have its own.",
        "The unit of stage is 'workloads/staging'; it must be one of tooling, workloads,",
        "The id of dev is '1234'; it must be the 12 digits of an AWS account.",
        "regions are eu-west-1; eu-central-1, where everything of ours is, must be one of them.",
    ):
        assert sentence in said


def test_a_guard_rail_over_its_size_is_named(world: World) -> None:
    file = world.roots / "organization" / "guard-rails" / "regions.json"
    content = json.loads(file.read_text())
    content["Statement"][0]["NotAction"] += [f"service{number}:*" for number in range(400)]
    file.write_text(json.dumps(content))
    said = refused(world)
    assert "The guard rail regions has" in said
    assert "characters; AWS takes 5120." in said


def test_credentials_of_another_account_are_refused(world: World) -> None:
    world.change("organization", management="777777777771")
    said = refused(world, "--apply")
    assert "These are credentials of account 666666666666; the organization belongs to 7777" in said


def test_an_organization_that_the_state_does_not_know_is_not_made_again(world: World) -> None:
    organizations = world.management.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    try:
        done = world.accounts("--apply")
    finally:
        organizations.delete_organization()
    assert done.returncode == 1
    assert "Account 666666666666 has an organization, o-" in done.stderr
    assert "the state in mindforce-terraform-666666666666 doesn't know" in done.stderr


def test_without_terraform_it_says_what_is_needed(tmp_path: Path) -> None:
    alone = root.Root(tmp_path, tmp_path, {"PATH": str(tmp_path)})
    with pytest.raises(AccountsError, match=r"terraform 1\.11 or newer is needed, on PATH"):
        alone.init()


def test_without_credentials_it_says_what_is_needed(world: World) -> None:
    world.environment = {k: v for k, v in world.environment.items() if "ACCESS_KEY" not in k}
    said = refused(world)
    assert "credentials of the management account are needed" in said
