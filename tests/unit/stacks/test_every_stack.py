"""What holds for every resource of every stack, whatever it is for."""

import json
from fnmatch import fnmatch
from typing import Any

import pytest

from config.environments import TABLE
from local.paths import ROOT
from tests.permissions import grants, listed
from tests.synthesis import Synthesis


def test_every_log_group_forgets_and_goes_with_its_stack(synthesis: Synthesis) -> None:
    for stack, template in synthesis.all():
        for name, group in template.resources("AWS::Logs::LogGroup").items():
            days = group["Properties"].get("RetentionInDays")
            assert days, f"{stack} {name}"
            # Nothing that the stack makes stays behind but what is kept by intent.
            assert group["DeletionPolicy"] == "Delete", f"{stack} {name}"


@pytest.mark.parametrize("environment", TABLE.environments, ids=lambda e: e.name)
def test_each_environment_goes_to_its_own_account(synthesis: Synthesis, environment: Any) -> None:
    for stack in synthesis.stacks(environment.name):
        assert stack.environment.account == environment.account
        assert stack.environment.region == environment.region


def test_everything_is_tagged_with_environment_owner_and_project(synthesis: Synthesis) -> None:
    """CloudFormation hands a stack's tags on to all of its resources that can have any."""
    for environment in TABLE.environments:
        for stack in synthesis.stacks(environment.name):
            assert dict(stack.tags) == {
                "environment": environment.name,
                "owner": environment.owner,
                "project": "mindforce",
            }


def test_every_role_is_within_the_accounts_boundary(synthesis: Synthesis) -> None:
    """CloudFormation may make no other (terraform/account/cdk-execution.json)."""
    for stack, template in synthesis.all():
        for name, role in template.resources("AWS::IAM::Role").items():
            boundary = json.dumps(role["Properties"].get("PermissionsBoundary"))
            assert ":policy/mindforce-boundary" in boundary, f"{stack} {name}"


def test_no_role_is_given_what_the_boundary_takes_away(synthesis: Synthesis) -> None:
    file = ROOT / "terraform" / "account" / "boundary.json"
    taken = [
        pattern
        for statement in json.loads(file.read_text())["Statement"]
        if statement["Effect"] == "Deny" and statement["Resource"] == "*"
        for pattern in listed(statement["Action"])
    ]
    assert "iam:PassRole" in taken
    for stack, template in synthesis.all():
        for grant in grants(stack, template):
            for action in grant.actions:
                assert not any(fnmatch(action, one) for one in taken), f"{grant}: {action}"


WHERE_SECRETS_ARE = (
    "DATABASE_PASSWORD_FILE",
    "PASSWORD :",  # psql's variable, read from a mounted file
    'PGPASSWORD=\\\\"$(cat ',
    "PATRONI_REPLICATION_PASSWORD",
    "PATRONI_REWIND_PASSWORD",
    "PasswordLength",
    "repository-password",
    "Password of the ",
    "passwords.sh",
    "Reads the password of the ",
)
"""Names of what holds a secret, or of the file that it is read from."""


def test_no_template_names_a_secret(synthesis: Synthesis) -> None:
    for stack, template in synthesis.all():
        text = str(dict(template))
        for name in WHERE_SECRETS_ARE:
            text = text.replace(name, "")
        text = text.lower()
        for word in ("password", "secretaccesskey", "aws_secret", "private key"):
            assert word not in text, f"{stack}: {word}"
