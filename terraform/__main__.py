"""Plan the accounts under the platform, or make them: python -m terraform [--apply]."""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from config.accounts_file import FILE
from config.errors import ConfigError
from terraform import seam, state
from terraform.errors import AccountsError
from terraform.people import groups
from terraform.provider import configured
from terraform.root import FOLDER, Root


def main(arguments: list[str] | None = None) -> int:
    """Run; 0 when it did what it was asked, 1 with a sentence when not."""
    given = _parser().parse_args(arguments)
    try:
        _run(given.roots.resolve(), given.seam.resolve(), apply=given.apply)
    except (AccountsError, ConfigError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"error: AWS refuses: {error}", file=sys.stderr)
        return 1
    return 0


def _run(roots: Path, file: Path, *, apply: bool) -> None:
    facts = json.loads((roots / "organization" / "terraform.tfvars.json").read_text())
    management, region = facts["management"], facts["region"]
    account = state.caller(region)
    if account != management:
        raise AccountsError(
            f"These are credentials of account {account}; the organization belongs to "
            f"{management}, as terraform/organization/terraform.tfvars.json says."
        )
    bucket = state.name(management)
    backend = (f"-backend-config=bucket={bucket}", f"-backend-config=region={region}")
    # Terraform's own files: providers, and which bucket has the state.
    data = roots.parent / ".local.terraform"
    environment = configured(os.environ, data)
    if apply:
        state.ensure(bucket, region)
    elif not state.exists(bucket, region):
        print(f"There is no state yet: APPLY=1 makes its bucket, {bucket}, and then this:")
        with _without_state(roots / "organization") as folder:
            _change(Root(folder, data / "first", environment), (), (), apply=False)
        return
    organization = Root(roots / "organization", data / "organization", environment)
    organization.init(*backend)
    if not organization.outputs() and facts.get("organization") is None:
        _require_no_organization(management, bucket)
    _change(organization, None, (), apply=apply)
    made = organization.outputs()
    if "seam" not in made:
        print("The accounts' baseline can be planned when there are accounts.")
        return
    options = {"state": {"bucket": bucket, "region": region}, "people": groups()}
    variables = tuple(f"-var={name}={json.dumps(value)}" for name, value in options.items())
    baseline = Root(roots / "baseline", data / "baseline", environment)
    _change(baseline, backend, variables, apply=apply)
    if apply and seam.write(made["seam"], file):
        print(f"{file} is new: commit it.")
    seam.check(made["seam"], file)


def _change(
    root: Root, init: tuple[str, ...] | None, options: tuple[str, ...], *, apply: bool
) -> None:
    """Plan a root, initialized before where `init` is given, and do it where asked."""
    if init is not None:
        root.init(*init)
    try:
        if root.plan(*options) and apply:
            root.apply()
    finally:
        root.forget_plan()


def _require_no_organization(management: str, bucket: str) -> None:
    """Raise AccountsError when there is one that the state doesn't know."""
    organizations = boto3.client("organizations", region_name="us-east-1")
    try:
        found: Mapping[str, Any] = organizations.describe_organization()["Organization"]
    except organizations.exceptions.AWSOrganizationsNotInUseException:
        return
    raise AccountsError(
        f"Account {management} has an organization, {found['Id']}, that the state in {bucket} "
        "doesn't know. To take it over, write its id and the accounts' ids into "
        "terraform/organization/terraform.tfvars.json; if the state was lost, bring back an older "
        "version of organization.tfstate in that bucket."
    )


@contextmanager
def _without_state(root: Path) -> Iterator[Path]:
    """A copy of a root that keeps its state nowhere."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / root.name
        shutil.copytree(root, copy)
        (copy / "state_override.tf").write_text('terraform {\n  backend "local" {}\n}\n')
        yield copy


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m terraform", description=__doc__)
    parser.add_argument("--apply", action="store_true", help="make what the plan says")
    parser.add_argument("--roots", type=Path, default=FOLDER, help="folder of the Terraform roots")
    parser.add_argument("--seam", type=Path, default=FILE, help="file that config reads")
    return parser


if __name__ == "__main__":
    sys.exit(main())
