"""Terraform's facts and what config reads say the same, but for the ids that only AWS knows."""

import json

from config.accounts import ACCOUNTS
from local.paths import ROOT


def test_committed_facts_and_what_config_reads_agree() -> None:
    facts = json.loads((ROOT / "terraform" / "organization" / "terraform.tfvars.json").read_text())
    assert facts["management"] == ACCOUNTS.management
    assert facts["region"] == ACCOUNTS.region
    assert sorted(facts["regions"]) == sorted(ACCOUNTS.regions)
    assert set(facts["accounts"]) == set(ACCOUNTS.ids)
    domains = {account["email"].partition("@")[2] for account in facts["accounts"].values()}
    assert sorted(domains) == sorted(ACCOUNTS.email_domains)
    assert ACCOUNTS.people == ACCOUNTS.pipeline == ACCOUNTS["tooling"]
    for name, account in facts["accounts"].items():
        assert account.get("id", ACCOUNTS[name]) == ACCOUNTS[name]
