"""docs/first-day.md, from the accounts to a stack in one of them, within the guard rails."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from local.cdk import CLI
from local.isolation import isolated
from local.paths import ROOT
from tests.local_aws.support import REGION, Account
from tests.terraform.world import World


def cdk(account: Account, *arguments: str) -> None:
    """Run the CDK CLI as somebody in an account."""
    assert account.token
    variables = {
        "AWS_ENDPOINT_URL": account.server.endpoint,
        "AWS_ACCESS_KEY_ID": account.key,
        "AWS_SECRET_ACCESS_KEY": account.secret,
        "AWS_SESSION_TOKEN": account.token,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "CI": "true",
        # cdk.json says "python", and means the one that runs this.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }
    done = subprocess.run(
        [CLI, *arguments],
        cwd=ROOT,
        env={**isolated(os.environ), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def dev(organization: World) -> Iterator[Account]:
    """The administrator of the account of dev; what stands there goes before the account does."""
    administrator = organization.inside("dev")
    yield administrator
    cloudformation = administrator.client("cloudformation")
    for name in ("dev-Backup", "CDKToolkit"):
        for bucket in buckets(administrator, name):
            empty(administrator, bucket)
        cloudformation.delete_stack(StackName=name)
        administrator.settle(name, "DELETE_COMPLETE")


def buckets(account: Account, stack: str) -> list[str]:
    try:
        listed = account.client("cloudformation").describe_stack_resources(StackName=stack)
    except ClientError:
        return []
    return [
        resource["PhysicalResourceId"]
        for resource in listed["StackResources"]
        if resource["ResourceType"] == "AWS::S3::Bucket"
    ]


def empty(account: Account, bucket: str) -> None:
    s3 = account.client("s3")
    listed = s3.list_object_versions(Bucket=bucket)
    for item in [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]:
        s3.delete_object(Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"])


def test_cdk_deploys_into_an_account_that_terraform_made(
    organization: World, dev: Account, tmp_path: Path
) -> None:
    made, assembly = organization.made(), str(tmp_path / "cdk.out")
    account, tooling = made["accounts"]["dev"], made["accounts"]["tooling"]
    policy = f"arn:aws:iam::{account}:policy/mindforce-cdk-execution"
    app = f"{sys.executable} -m tests.terraform.app {organization.seam}"

    cdk(dev, "synth", "--quiet", "--app", app, "--output", assembly)
    options = ["--cloudformation-execution-policies", policy, "--trust", tooling]
    cdk(dev, "bootstrap", f"aws://{account}/{REGION}", "--app", assembly, *options)
    cdk(dev, "deploy", "dev/Backup", "--app", assembly, "--require-approval", "never")

    (stack,) = dev.client("cloudformation").describe_stacks(StackName="dev-Backup")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert f":{account}:" in stack["StackId"]
    role = f"cdk-hnb659fds-cfn-exec-role-{account}-{REGION}"
    attached = dev.client("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert [one["PolicyArn"] for one in attached] == [policy]
    deploy = f"arn:aws:iam::{account}:role/cdk-hnb659fds-deploy-role-{account}-{REGION}"
    used = {entry["principal"] for entry in dev.server.actions() if "principal" in entry}
    assert deploy in used
