"""What standing up dev did: all of it is within the guard rails and the execution policy."""

import json
from typing import Any

from local.emulator import Emulator
from tests.local.machine import Machine
from tests.policies import Call, denied, denied_to_cloudformation


def recorded(emulator: Emulator) -> list[dict[str, Any]]:
    return [json.loads(line) for line in emulator.actions.read_text().splitlines()]


def test_guard_rails_let_through_what_each_principal_did(dev: Machine) -> None:
    account = dev.target.environment.account
    calls = {
        # On this machine the account's root is who deploys; on AWS an administrator's role.
        Call(
            entry["principal"].replace(":root", ":role/Administrator"),
            entry["action"],
            entry["resource"],
            entry["region"],
        )
        for entry in recorded(dev.emulator)
        if f"::{account}:" in entry.get("principal", "")
    }
    roles = " ".join(call.principal for call in calls)
    for role in ("cdk-hnb659fds-deploy-role", "cdk-hnb659fds-file-publishing-role", "dev-Cluster"):
        assert role in roles
    assert denied(dev.client("iam"), calls) == {}


def test_the_execution_policy_lets_cloudformation_do_what_it_did(dev: Machine) -> None:
    account = dev.target.environment.account
    done = {
        (entry["type"], entry["operation"])
        for entry in recorded(dev.emulator)
        # CDKToolkit's own resources are made by who bootstraps.
        if entry.get("account") == account
    }
    assert {("AWS::EKS::Cluster", "create"), ("AWS::EC2::VPC", "create")} <= done
    assert denied_to_cloudformation(dev.client("iam"), account, done) == {}
