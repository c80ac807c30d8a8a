"""What Terraform's baseline gives an account before CDK comes, in accounts that it hasn't made."""

import json

from botocore.exceptions import ClientError

from config.baseline import POLICIES
from local import access
from local.paths import ROOT
from local.target import AccountTarget


def document(name: str, account: str) -> str:
    """Return the policy of that name as an account has it."""
    text = (ROOT / "terraform" / "account" / POLICIES[name]).read_text()
    return json.dumps(json.loads(text.replace("ACCOUNT", account)))


def ensure_policies(target: AccountTarget) -> None:
    """Make the policies that CDK's bootstrap and the roles of stacks refer to."""
    iam = access.session(target).client("iam", endpoint_url=target.endpoint)
    for name in POLICIES:
        try:
            iam.create_policy(
                PolicyName=name, PolicyDocument=document(name, target.environment.account)
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "EntityAlreadyExists":
                raise
