"""The guard rails and the execution policy: what a deploy needs is let through, and no more."""

from typing import Any

import pytest

from config.accounts import ACCOUNTS
from config.baseline import BOUNDARY, EXECUTION_POLICY
from tests.local_aws.support import Account, Server
from tests.policies import Call, baseline, cloudformation, denied, denied_to_cloudformation
from tests.synthesis import Synthesis

ACCOUNT = ACCOUNTS["prod"]
EXECUTION = f"arn:aws:iam::{ACCOUNT}:role/cdk-hnb659fds-cfn-exec-role-{ACCOUNT}-eu-central-1"
ACCESS = f"arn:aws:iam::{ACCOUNT}:role/OrganizationAccountAccessRole"
UNBOUND = f"arn:aws:iam::{ACCOUNT}:role/prod-Cluster-1A2B"
SOMEBODY = f"arn:aws:iam::{ACCOUNT}:role/Administrator"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
TRAIL = f"arn:aws:cloudtrail:eu-central-1:{ACCOUNT}:trail/organization"
PUBLIC = {"s3:x-amz-acl": "public-read"}


@pytest.fixture(scope="module")
def iam(server: Server) -> Any:
    return Account(server, ACCOUNT).client("iam")


@pytest.mark.parametrize("operation", ["create", "update", "delete"])
def test_all_that_our_templates_ask_of_cloudformation_is_allowed(
    iam: Any, synthesis: Synthesis, operation: str
) -> None:
    kinds = {
        (resource["Type"], operation)
        for _, template in synthesis.all()
        for resource in template["Resources"].values()
    }
    assert len(list(cloudformation(ACCOUNT, kinds))) > 50
    assert denied_to_cloudformation(iam, ACCOUNT, kinds) == {}


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("account:CloseAccount", "*"),
        ("ec2:DisableEbsEncryptionByDefault", "*"),
        ("guardduty:DeleteDetector", "*"),
        ("iam:AttachRolePolicy", UNBOUND),
        ("iam:CreatePolicyVersion", f"arn:aws:iam::{ACCOUNT}:policy/{BOUNDARY}"),
        ("iam:CreateRole", UNBOUND),
        ("iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/cdk-hnb659fds-deploy-role"),
        ("iam:DeleteRolePermissionsBoundary", UNBOUND),
        ("iam:PutRolePermissionsBoundary", UNBOUND),
        ("iam:PutRolePolicy", UNBOUND),
        ("iam:TagRole", EXECUTION),
        ("iam:CreateAccessKey", f"arn:aws:iam::{ACCOUNT}:user/somebody"),
        ("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/somebody"),
        ("iam:PutRolePolicy", ACCESS),
        ("iam:AttachRolePolicy", EXECUTION),
        ("iam:CreatePolicyVersion", f"arn:aws:iam::{ACCOUNT}:policy/mindforce-cdk-execution"),
        ("organizations:LeaveOrganization", "*"),
        ("s3:PutAccountPublicAccessBlock", "*"),
        ("sts:AssumeRole", ACCESS),
    ],
)
def test_a_stack_cannot_change_what_it_stands_on(iam: Any, action: str, resource: str) -> None:
    call = Call(EXECUTION, action, resource)
    assert call in denied(iam, [call], baseline(EXECUTION_POLICY, ACCOUNT))


@pytest.mark.parametrize(
    ("action", "resource", "decision"),
    [
        ("iam:AttachRolePolicy", UNBOUND, "explicitDeny"),
        ("iam:CreateRole", UNBOUND, "explicitDeny"),
        ("iam:CreateUser", "*", "explicitDeny"),
        ("iam:DeleteRolePermissionsBoundary", UNBOUND, "explicitDeny"),
        ("iam:PassRole", EXECUTION, "explicitDeny"),
        ("iam:PutRolePolicy", UNBOUND, "explicitDeny"),
        ("iam:UpdateAssumeRolePolicy", EXECUTION, "explicitDeny"),
        ("organizations:DescribeOrganization", "*", "explicitDeny"),
        ("sts:AssumeRole", ACCESS, "explicitDeny"),
        ("iam:CreateServiceLinkedRole", "*", None),
        ("iam:GetRole", UNBOUND, None),
        ("s3:GetObject", "*", None),
        ("sts:AssumeRole", EXECUTION, None),
    ],
)
def test_a_role_of_a_stack_that_may_do_everything_cannot_raise_anybody(
    iam: Any, action: str, resource: str, decision: str | None
) -> None:
    call = Call(UNBOUND, action, resource)
    assert denied(iam, [call], baseline(BOUNDARY, ACCOUNT)).get(call) == decision


@pytest.mark.parametrize(
    "call",
    [
        Call(SOMEBODY, "organizations:LeaveOrganization"),
        Call(ACCESS, "organizations:LeaveOrganization"),
        Call(SOMEBODY, "account:CloseAccount"),
        Call(ROOT, "s3:ListAllMyBuckets"),
        Call(SOMEBODY, "ec2:RunInstances", region="us-east-1"),
        Call(SOMEBODY, "eks:CreateCluster", region="eu-west-1"),
        Call(SOMEBODY, "cloudtrail:StopLogging", TRAIL),
        Call(ACCESS, "cloudtrail:DeleteTrail", TRAIL),
        Call(SOMEBODY, "guardduty:DeleteDetector"),
        Call(SOMEBODY, "guardduty:UpdateDetector"),
        Call(SOMEBODY, "s3:PutAccountPublicAccessBlock"),
        Call(SOMEBODY, "ec2:DisableEbsEncryptionByDefault"),
        Call(SOMEBODY, "iam:DeleteRole", ACCESS),
        Call(SOMEBODY, "iam:UpdateAccountPasswordPolicy"),
    ],
    ids=lambda call: f"{call.principal.rpartition('/')[2] or 'root'} {call.action}",
)
def test_a_guard_rail_holds_whatever_ones_own_policies_say(iam: Any, call: Call) -> None:
    assert denied(iam, [call]) == {call: "explicitDeny"}


@pytest.mark.parametrize(
    "call",
    [
        Call(SOMEBODY, "iam:CreateRole", region="us-east-1"),
        Call(SOMEBODY, "sts:GetCallerIdentity", region="us-east-1"),
        Call(SOMEBODY, "budgets:ModifyBudget", region="us-east-1"),
        Call(SOMEBODY, "route53:ChangeResourceRecordSets", region="us-east-1"),
        Call(SOMEBODY, "ecr-public:GetAuthorizationToken", region="us-east-1"),
        Call(SOMEBODY, "support:CreateCase", region="us-east-1"),
        Call(ACCESS, "guardduty:UpdateDetector"),
        Call(ACCESS, "s3:PutAccountPublicAccessBlock"),
        Call(
            ACCESS,
            "iam:CreatePolicyVersion",
            f"arn:aws:iam::{ACCOUNT}:policy/mindforce-cdk-execution",
        ),
        Call(SOMEBODY, "s3:PutBucketPublicAccessBlock", "arn:aws:s3:::staging"),
        Call(SOMEBODY, "iam:CreateServiceLinkedRole"),
        Call(SOMEBODY, "iam:CreateOpenIDConnectProvider"),
    ],
    ids=lambda call: f"{call.principal.rpartition('/')[2]} {call.action}",
)
def test_a_guard_rail_lets_work_go_on(iam: Any, call: Call) -> None:
    assert denied(iam, [call]) == {}


def test_nobody_opens_a_bucket_to_everybody(iam: Any) -> None:
    call = Call(SOMEBODY, "s3:PutBucketAcl", "arn:aws:s3:::any")
    assert denied(iam, [call], context=PUBLIC) == {call: "explicitDeny"}
    assert denied(iam, [call], context={"s3:x-amz-acl": "private"}) == {}
