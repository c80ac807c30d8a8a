"""`python -m delivery.bootstrap`: how each account is prepared for the pipeline; --apply does it.

CloudFormation gets the policy of terraform/account/cdk-execution.json, not AdministratorAccess, and
makes no role that isn't within boundary.json beside it; Terraform makes both in each account. The
accounts of environments trust the tooling account.
"""

import argparse
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from config.baseline import EXECUTION_POLICY, POLICIES, WHERE_NAMED
from config.environments import TABLE
from config.model import Account

ROOT = Path(__file__).parents[1]
_ACCESS_ROLE = "OrganizationAccountAccessRole"
_CLI = ROOT / "node_modules" / ".bin" / "cdk"


class BootstrapError(Exception):
    """An account can't be prepared; the message says which, why and what would help."""


def accounts() -> Sequence[Account]:
    """Return the accounts of the table, tooling first: the others trust it."""
    return [TABLE.tooling, *TABLE.environments]


def options(account: Account, tooling: Account = TABLE.tooling) -> Sequence[str]:
    """Return the options of `cdk bootstrap` for an account."""
    trust = [] if account.account == tooling.account else ["--trust", tooling.account]
    policy = f"arn:aws:iam::{account.account}:policy/{EXECUTION_POLICY}"
    return [*trust, "--cloudformation-execution-policies", policy]


def command(account: Account) -> Sequence[str]:
    where = f"aws://{account.account}/{account.region}"
    return ["cdk", "bootstrap", where, *options(account)]


def apply(account: Account) -> None:
    """Bootstrap an account as its access role. Raises BootstrapError."""
    credentials = _enter(account)
    _require_policies(account, credentials)
    variables = {
        "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
        "AWS_SESSION_TOKEN": credentials["SessionToken"],
        "AWS_REGION": account.region,
    }
    words = [str(_CLI), *command(account)[1:], "--app", ""]
    if subprocess.run(words, cwd=ROOT, env=_environment() | variables).returncode:
        raise BootstrapError(f"{account.name}: cdk bootstrap failed, as it says above.")


def _enter(account: Account) -> Mapping[str, str]:
    role = f"arn:aws:iam::{account.account}:role/{_ACCESS_ROLE}"
    try:
        made = boto3.client("sts", region_name=account.region).assume_role(
            RoleArn=role, RoleSessionName="bootstrap"
        )
    except (BotoCoreError, ClientError) as error:
        raise BootstrapError(
            f"{account.name}: {role} can't be assumed ({error}); use an administrator of the "
            "management account."
        ) from error
    credentials: Any = made["Credentials"]
    found: Mapping[str, str] = credentials
    return found


def _require_policies(account: Account, credentials: Mapping[str, str]) -> None:
    iam = boto3.client(
        "iam",
        region_name=account.region,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )
    for name in POLICIES:
        try:
            iam.get_policy(PolicyArn=f"arn:aws:iam::{account.account}:policy/{name}")
        except ClientError as error:
            raise BootstrapError(
                f"{account.name}: account {account.account} has no policy {name} ({error}); "
                f"'make accounts APPLY=1' makes it, once {WHERE_NAMED} name {account.name!r}."
            ) from error


def _environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k not in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")}


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when it was printed, or done; 1 when an account can't be prepared."""
    parser = argparse.ArgumentParser(prog="python -m delivery.bootstrap", description=__doc__)
    parser.add_argument("--apply", action="store_true", help="do it, as management's administrator")
    given = parser.parse_args(arguments)
    try:
        for account in accounts():
            print(f"# {account.name}\nnpx {shlex.join(command(account))}", flush=True)
            if given.apply:
                apply(account)
    except BootstrapError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if not given.apply:
        print("\nNothing was done: 'make bootstrap APPLY=1' does it.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
