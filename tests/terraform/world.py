"""A copy of the Terraform roots, and the commands on it against the stand-in."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.isolation import isolated
from local.paths import ROOT
from terraform.people import groups
from terraform.provider import configured
from tests.local_aws.support import Account, Server

Done = subprocess.CompletedProcess[str]

SHORT_LIVED = {"GOGC": "400", "CHECKPOINT_DISABLE": "1"}
"""Providers live for seconds here: collecting their garbage is a quarter of what they cost."""

UNPROTECTED = """
resource "aws_organizations_organization" "this" {
  lifecycle {
    prevent_destroy = false
  }
}

resource "aws_organizations_account" "this" {
  lifecycle {
    prevent_destroy = false
  }
}

resource "aws_s3_bucket" "trail" {
  lifecycle {
    prevent_destroy = false
  }
}
"""


class World:
    """An organization to be, in an account of its own."""

    def __init__(self, folder: Path, server: Server, management: str) -> None:
        self.roots = folder / "terraform"
        self.seam = folder / "accounts.json"
        self.management = Account(server, management)
        self.bucket = f"mindforce-terraform-{management}"
        hidden = shutil.ignore_patterns(".terraform", "__pycache__", "*.tfstate*")
        shutil.copytree(ROOT / "terraform", self.roots, ignore=hidden)
        self.change("organization", management=management)
        clean = isolated({k: v for k, v in os.environ.items() if not k.upper().endswith("_PROXY")})
        here = {
            **clean,
            **SHORT_LIVED,
            "AWS_ENDPOINT_URL": server.endpoint,
            "AWS_ACCESS_KEY_ID": management,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
            # S3 Control's hosts have the account before the address, so they are a proxy's to find.
            "HTTP_PROXY": server.endpoint,
        }
        self.environment: Mapping[str, str] = configured(here, folder)

    def accounts(self, *options: str) -> Done:
        """Run what `make accounts` runs."""
        command = [sys.executable, "-m", "terraform", "--roots", str(self.roots)]
        return self._done([*command, "--seam", str(self.seam), *options], ROOT)

    def terraform(self, root: str, *arguments: str) -> Done:
        """Run Terraform itself on a root, where `make accounts` has."""
        return self._done(["terraform", *arguments], self.roots / root, root)

    def begin(self, root: str, *arguments: str) -> subprocess.Popen[str]:
        """Start Terraform itself on a root, with somebody at its keyboard."""
        return subprocess.Popen(
            ["terraform", *arguments],
            cwd=self.roots / root,
            env={**self._at(root), "TF_INPUT": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def change(self, root: str, **facts: Any) -> None:
        """Change facts of a root."""
        file = self.roots / root / "terraform.tfvars.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **facts}))

    def facts(self, root: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(
            (self.roots / root / "terraform.tfvars.json").read_text()
        )
        return content

    def made(self) -> dict[str, Any]:
        """What the seam says."""
        content: dict[str, Any] = json.loads(self.seam.read_text())
        return content

    def inside(self, name: str) -> Account:
        """An account that was made, by the role through which the management gets in."""
        arn = f"arn:aws:iam::{self.made()['accounts'][name]}:role/OrganizationAccountAccessRole"
        sts = self.management.client("sts")
        made = sts.assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        keys = made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]
        return Account(self.management.server, *keys)

    def destroy(self) -> None:
        """Take everything away again, also what is protected."""
        (self.roots / "organization" / "unprotected_override.tf").write_text(UNPROTECTED)
        state = json.dumps({"bucket": self.bucket, "region": "eu-central-1"})
        variables = [f"-var=state={state}", f"-var=people={json.dumps(groups())}"]
        for root, options in (("baseline", variables), ("organization", [])):
            done = self.terraform(root, "destroy", "-auto-approve", "-no-color", *options)
            assert done.returncode == 0, done.stderr

    def _at(self, root: str) -> dict[str, str]:
        data = self.roots.parent / ".local.terraform" / root
        return {**self.environment, "TF_DATA_DIR": str(data), "TF_INPUT": "0"}

    def _done(self, command: list[str], folder: Path, root: str = "") -> Done:
        environment = self._at(root) if root else self.environment
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=540
        )
