"""What principals do is written down, and policies can be asked about it."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.support import REGION, Account, Server, role

READER = role("account", {"Action": "s3:ListAllMyBuckets", "Resource": "*"})


def document(effect: str, action: str, **more: Any) -> str:
    return json.dumps(
        {"Statement": [{"Effect": effect, "Action": action, "Resource": "*", **more}]}
    )


def decision(account: Account, **request: Any) -> str:
    answer = account.client("iam").simulate_custom_policy(
        ActionNames=["s3:ListAllMyBuckets"], **request
    )
    (result,) = answer["EvaluationResults"]
    return str(result["EvalDecision"])


def test_what_a_role_was_let_do_is_written_once_and_what_not_is_not(
    server: Server, account: Account
) -> None:
    with account.stack({"Reader": READER}) as stack:
        name = account.resource(stack, "Reader")
        somebody = account.assume(name)
        for _ in range(2):
            somebody.client("s3").list_buckets()
        with pytest.raises(ClientError, match="not authorized"):
            somebody.client("ec2").describe_vpcs()
        arn = f"arn:aws:iam::{account.key}:role/{name}"
        entries = [entry for entry in server.actions() if entry.get("principal") == arn]
    assert entries == [
        {"action": "s3:ListAllMyBuckets", "principal": arn, "region": REGION, "resource": "*"}
    ]


def test_what_cloudformation_did_is_written(server: Server) -> None:
    holder = Account(server, "666666666666")
    with holder.stack({"Reader": READER}) as stack:
        holder.update(stack, {"Reader": role("account")})
    done = {
        (entry["type"], entry["operation"])
        for entry in server.actions()
        if entry.get("account") == holder.key
    }
    assert done == {("AWS::IAM::Role", name) for name in ("create", "update", "delete")}


def test_a_simulation_knows_boundary_caller_and_context(account: Account) -> None:
    allowed = [document("Allow", "s3:*")]
    assert decision(account, PolicyInputList=allowed) == "allowed"
    assert decision(account, PolicyInputList=[document("Allow", "ec2:*")]) == "implicitDeny"
    boundary = [document("Allow", "ec2:*")]
    limited = {"PolicyInputList": allowed, "PermissionsBoundaryPolicyInputList": boundary}
    assert decision(account, **limited) == "implicitDeny"
    caller = f"arn:aws:iam::{account.key}:role/somebody"
    unless = {"ArnNotEquals": {"aws:PrincipalArn": caller}}
    but = [*allowed, document("Deny", "s3:*", Condition=unless)]
    assert decision(account, PolicyInputList=but) == "explicitDeny"
    assert decision(account, PolicyInputList=but, CallerArn=caller) == "allowed"
    where = {"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}}
    here = [*allowed, document("Deny", "s3:*", Condition=where)]
    entry = {
        "ContextKeyName": "aws:RequestedRegion",
        "ContextKeyValues": ["eu-west-1"],
        "ContextKeyType": "string",
    }
    assert decision(account, PolicyInputList=here) == "explicitDeny"
    assert decision(account, PolicyInputList=here, ContextEntries=[entry]) == "allowed"


def test_a_simulation_refuses_what_it_would_not_read(account: Account) -> None:
    with pytest.raises(ClientError, match=r"ResourceOwner is not emulated"):
        decision(
            account,
            PolicyInputList=[document("Allow", "s3:*")],
            ResourceOwner=f"arn:aws:iam::{account.key}:root",
        )
