"""What comes after the first apply: nothing, a change, a take-over, somebody else at it."""

import json
import subprocess

from tests.local.machine import eventually
from tests.terraform.world import World


def test_nothing_is_planned_after_an_apply_and_a_changed_seam_is_told(organization: World) -> None:
    written = organization.made()
    organization.seam.write_text(json.dumps({**written, "region": "eu-west-1"}))
    try:
        done = organization.accounts()
    finally:
        organization.seam.write_text(json.dumps(written))
    assert done.stdout.count("No changes. Your infrastructure matches the configuration.") == 2
    assert done.returncode == 1
    assert 'region is "eu-west-1"; Terraform made "eu-central-1"' in done.stderr


def test_an_account_is_taken_over_and_a_fact_changed(organization: World) -> None:
    """The organization and an account that the state doesn't know are not made again."""
    organizations = organization.management.client("organizations")
    before = organizations.list_accounts()["Accounts"]
    facts = organization.facts("organization")
    lost = ("aws_organizations_organization.this", 'aws_organizations_account.this["dev"]')
    forgotten = organization.terraform("organization", "state", "rm", *lost)
    assert forgotten.returncode == 0, forgotten.stderr
    dev = {**facts["accounts"]["dev"], "id": organization.made()["accounts"]["dev"]}
    identifier = organizations.describe_organization()["Organization"]["Id"]
    organization.change(
        "organization", organization=identifier, accounts={**facts["accounts"], "dev": dev}
    )
    budgets = organization.facts("baseline")["budgets_usd"]
    organization.change("baseline", budgets_usd={**budgets, "dev": 400})

    done = organization.accounts("--apply")

    assert done.returncode == 0, done.stderr
    assert "Plan: 2 to import, 0 to add, 0 to change, 0 to destroy." in done.stdout
    assert "Plan: 0 to add, 1 to change, 0 to destroy." in done.stdout
    assert organizations.list_accounts()["Accounts"] == before
    account = organization.made()["accounts"]["dev"]
    client = organization.inside("dev").client("budgets")
    (budget,) = client.describe_budgets(AccountId=account)["Budgets"]
    assert float(budget["BudgetLimit"]["Amount"]) == 400


def test_a_second_apply_is_refused_and_names_who_is_at_it(organization: World) -> None:
    s3 = organization.management.client("s3")
    before = organization.facts("organization")
    organization.change("organization", trail_lock={"mode": "GOVERNANCE", "days": 400})
    first = organization.begin("organization", "apply", "-no-color")
    try:

        def locked() -> bool:
            assert first.poll() is None, first.stdout and first.stdout.read()
            listed = s3.list_objects_v2(Bucket=organization.bucket, Prefix="organization.tfstate.t")
            return bool(listed["KeyCount"])

        eventually(locked, seconds=300)
        holder = json.loads(
            s3.get_object(Bucket=organization.bucket, Key="organization.tfstate.tflock")[
                "Body"
            ].read()
        )
        second = organization.accounts("--apply")
    finally:
        said = _decline(first)
        organization.change("organization", trail_lock=before.get("trail_lock") or _LOCK)
    assert second.returncode == 1
    assert f"The state of organization is locked by {holder['Who']} since" in second.stderr
    assert "Apply cancelled." in said


_LOCK = {"mode": "GOVERNANCE", "days": 365}


def _decline(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate("no\n", timeout=300)
    return said
