"""Bootstrap gives CloudFormation our policy, and trusts the tooling account alone."""

import pytest

from config.baseline import POLICIES
from config.environments import TABLE
from delivery.bootstrap import ROOT, command, main


def test_each_account_gets_the_policy_and_environments_trust_tooling(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([]) == 0
    said = capsys.readouterr().out
    for account in (TABLE.tooling, *TABLE.environments):
        assert f"arn:aws:iam::{account.account}:policy/mindforce-cdk-execution" in said
    assert said.count(f"--trust {TABLE.tooling.account}") == len(TABLE.environments)
    assert "AdministratorAccess" not in said
    assert "Nothing was done" in said


def test_tooling_trusts_nobody() -> None:
    assert "--trust" not in command(TABLE.tooling)


def test_without_an_administrator_it_says_whose_credentials_it_wants(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert main(["--apply"]) == 1
    role = f"arn:aws:iam::{TABLE.tooling.account}:role/OrganizationAccountAccessRole"
    assert f"tooling: {role} can't be assumed" in capsys.readouterr().err


def test_nobody_is_told_to_bootstrap_without_the_policy() -> None:
    """`cdk bootstrap` as it comes makes CloudFormation an administrator."""
    readme = (ROOT / "README.md").read_text()
    assert "cdk bootstrap aws://" not in readme
    assert "cdk bootstrap aws://" not in (ROOT / "docs" / "first-day.md").read_text()
    for name, file in POLICIES.items():
        assert f"terraform/account/{file} > policy.json\n" in readme
        assert f"create-policy --policy-name {name} --policy-document file://policy.json" in readme
