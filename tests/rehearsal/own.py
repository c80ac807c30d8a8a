"""This repository's own pipeline on the stand-in, as a person makes it stand: bootstrap, deploy."""

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config.accounts import ACCOUNTS
from config.environments import PIPELINE, TABLE
from config.model import PROJECT
from config.model import Account as Config
from guards.reviewed import by_account
from local import docker_hub
from local.baseline import ensure_policies
from local.cdk import Cdk
from local.isolation import isolated
from local.paths import ROOT
from local.rehearsal.cloud import Actor, root
from local.rehearsal.engine import Engine
from local.rehearsal.state import Runs
from local.target import AccountTarget
from tests.local_aws.support import Account, Server
from tests.rehearsal import tree
from tests.snapshot.snapshots import FOLDER, permissions

_CHECK = re.compile(r"^check: .*\n(\t.*\n)+", re.MULTILINE)


class ReachedError(BaseException):
    """The run has come as far as a test wants to see it."""


class Own:
    """The accounts of the table, and a copy of this clone whose commits go through the pipeline."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.assembly, self.repository = folder / "cdk.out", folder / "clone"
        self.cdk = Cdk(folder / "cdk.log")
        self.root: Actor = root(server.endpoint, TABLE.tooling.account, TABLE.tooling.region)

    def account(self, config: Config) -> Account:
        return Account(self.server, config.account)

    def synthesize(self) -> None:
        self.cdk.synth("python -O app.py --pipeline", self.assembly)

    def deploy(self) -> None:
        """What `npx cdk deploy Pipeline` does. Raises LocalError."""
        target = AccountTarget(environment=TABLE.tooling, endpoint=self.server.endpoint)
        self.cdk.deploy(target, self.assembly, "Pipeline", print)

    def pipeline(self) -> Mapping[str, Any]:
        """The pipeline as CodePipeline shows it."""
        client = self.root.client("codepipeline")
        shown: Mapping[str, Any] = client.get_pipeline(name=PROJECT)["pipeline"]
        return shown

    def make_accounts(self) -> None:
        """What an organization gives to its accounts: a way in for the management account."""
        trust = {"AWS": f"arn:aws:iam::{ACCOUNTS.management}:root"}
        everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        for config in (TABLE.tooling, *TABLE.environments):
            iam = self.account(config).client("iam")
            iam.create_role(
                RoleName="OrganizationAccountAccessRole",
                AssumeRolePolicyDocument=_document(
                    {"Effect": "Allow", "Principal": trust, "Action": "sts:AssumeRole"}
                ),
            )
            iam.put_role_policy(
                RoleName="OrganizationAccountAccessRole",
                PolicyName="all",
                PolicyDocument=_document(everything),
            )

    def make_policies(self) -> None:
        """What the baseline of terraform/ gives to an account that CDK deploys into."""
        for config in (TABLE.tooling, *TABLE.environments):
            ensure_policies(AccountTarget(environment=config, endpoint=self.server.endpoint))

    def bootstrap(self) -> subprocess.CompletedProcess[str]:
        """Run `make bootstrap APPLY=1`, as an administrator of the management account."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        administrator = {
            "AWS_ENDPOINT_URL": self.server.endpoint,
            "AWS_ACCESS_KEY_ID": ACCOUNTS.management,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        return subprocess.run(
            [sys.executable, "-m", "delivery.bootstrap", "--apply"],
            cwd=ROOT,
            env={**isolated(os.environ), **administrator, "PATH": path, "CI": "true"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )

    def confirm_connection(self) -> None:
        given = {"connectionArn": PIPELINE.connection_arn, "repository": PIPELINE.repository}
        self.root.ask("ConfirmConnection", given)

    def make_secret(self) -> None:
        target = AccountTarget(environment=TABLE.tooling, endpoint=self.server.endpoint)
        docker_hub.ensure(target, PIPELINE.docker_hub_secret)

    def remove_secret(self) -> None:
        client = self.account(TABLE.tooling).client("secretsmanager")
        with contextlib.suppress(client.exceptions.ResourceNotFoundException):
            client.delete_secret(
                SecretId=PIPELINE.docker_hub_secret, ForceDeleteWithoutRecovery=True
            )

    def clone(self) -> None:
        """Commit what is in this clone's folder, but for what its tests would check again."""
        tree.copy(self.repository)
        makefile = self.repository / "Makefile"
        changed, count = _CHECK.subn("check:\n\t@echo checked\n", makefile.read_text())
        assert count == 1
        makefile.write_text(changed)
        self._git("init", "--quiet", "--initial-branch", "main")
        self.commit("all")

    def commit(self, message: str) -> None:
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", message)

    def review(self) -> None:
        """Write what the refused synthesis allows where `make snapshots` would."""
        newest = next(Runs(self.folder / "runs").all())
        (assembly,) = (self.folder / "runs" / newest.identifier).glob("Build-Synth/src/cdk.out")
        tooling = TABLE.tooling.name
        name, text = permissions(tooling, by_account(assembly)[tooling])
        golden = self.repository / FOLDER.relative_to(ROOT)
        (golden / name).write_text(text)

    def rehearse(self, last: str, times: int) -> list[str]:
        """Run the pipeline until an action was done so many times; return what was, in order."""
        done: list[str] = []

        def note(action: str) -> None:
            done.append(action)
            if done.count(last) == times:
                raise ReachedError

        engine = Engine(
            name=PROJECT,
            root=self.root,
            repository=self.repository,
            folder=self.folder / "runs",
            approve=lambda action, comment, link: None,
            say=print,
            noted=note,
        )
        with contextlib.suppress(ReachedError):
            engine.rehearse()
        return done

    def _git(self, *words: str) -> None:
        identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
        subprocess.run(["git", "-C", str(self.repository), *identity, *words], check=True)


def _document(statement: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
