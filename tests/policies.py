"""What Terraform's policies decide about an action, asked of IAM's own policy simulation."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from config.accounts import ACCOUNTS
from config.baseline import BOUNDARY, EXECUTION_POLICY
from local.baseline import document
from local.paths import ROOT

ALLOW_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
EXECUTION_ROLE = "cdk-hnb659fds-cfn-exec-role"

NOT_OURS = {
    "acm-pca:*": "certificates are public ones",
    "elasticfilesystem:*": "functions mount nothing",
    "firehose:*": "logs stay in CloudWatch",
    "s3files:*": "functions mount nothing",
    "s3tables:*": "buckets hold no tables",
    "vpc-lattice:*": "endpoints are of AWS services",
    "vpce:*": "endpoints are of their own region",
    "iam:DeleteRolePermissionsBoundary": "no role is without one",
    "iam:*User*": "policies are of roles",
    "iam:*Group*": "policies are of roles",
}
"""What a resource type's schema asks for because it might, with why our resources never do."""


@dataclass(frozen=True)
class Call:
    """An action on a resource by a principal, as IAM sees it."""

    principal: str
    action: str
    resource: str = "*"
    region: str = ACCOUNTS.region


def guard_rails() -> Mapping[str, Any]:
    """Return all service control policies as the one policy that they amount to."""
    statements = [ALLOW_ALL]
    for file in sorted((ROOT / "terraform/organization/guard-rails").glob("*.json")):
        text = file.read_text().replace('"REGIONS"', json.dumps(list(ACCOUNTS.regions)))
        statements += json.loads(text)["Statement"]
    return {"Version": "2012-10-17", "Statement": statements}


def baseline(name: str, account: str) -> Mapping[str, Any]:
    """Return a policy that an account has where CDK deploys."""
    content: Mapping[str, Any] = json.loads(document(name, account))
    return content


def denied_to_cloudformation(
    iam: Any, account: str, resources: Iterable[tuple[str, str]]
) -> dict[Call, str]:
    """Return what CloudFormation can't do for (resource type, operation), and how it is denied."""
    calls = list(cloudformation(account, resources))
    # As all of ours: what of a role without it is denied, a test of its own says.
    within = {"iam:PermissionsBoundary": f"arn:aws:iam::{account}:policy/{BOUNDARY}"}
    return denied(iam, calls, baseline(EXECUTION_POLICY, account), context=within)


def denied(
    iam: Any,
    calls: Iterable[Call],
    policy: Mapping[str, Any] | None = None,
    *,
    context: Mapping[str, str] | None = None,
) -> dict[Call, str]:
    """Return what a policy (anything by default) within the guard rails denies, and how."""
    groups: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for call in calls:
        groups[call.principal, call.resource, call.region].add(call.action)
    found = {}
    for (principal, resource, region), actions in groups.items():
        keys = {"aws:RequestedRegion": region, **(context or {})}
        answer = iam.simulate_custom_policy(
            PolicyInputList=[json.dumps(policy or {"Statement": [ALLOW_ALL]})],
            PermissionsBoundaryPolicyInputList=[json.dumps(guard_rails())],
            ActionNames=sorted(actions),
            ResourceArns=[resource],
            CallerArn=principal,
            ContextEntries=[
                {"ContextKeyName": k, "ContextKeyValues": [v], "ContextKeyType": "string"}
                for k, v in keys.items()
            ],
        )
        for result in answer["EvaluationResults"]:
            if result["EvalDecision"] != "allowed":
                call = Call(principal, result["EvalActionName"], resource, region)
                found[call] = result["EvalDecision"]
    return found


def cloudformation(
    account: str, resources: Iterable[tuple[str, str]], region: str = ACCOUNTS.region
) -> Iterator[Call]:
    """Yield what CloudFormation does for (resource type, operation), by the type's own schema."""
    for kind, operation in set(resources):
        if not kind.startswith("AWS::") or kind == "AWS::CDK::Metadata":
            continue
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(region, kind).schema
        permissions = {
            permission
            for name in (operation, "read")
            for permission in schema.get("handlers", {}).get(name, {}).get("permissions", ())
        }
        for action in permissions:
            if not _never_ours(action):
                principal = f"arn:aws:iam::{account}:role/{EXECUTION_ROLE}-{account}-{region}"
                yield Call(principal, action, _resource(account, action), region)


def _never_ours(action: str) -> bool:
    return any(fnmatch(action, pattern) for pattern in NOT_OURS)


def _resource(account: str, action: str) -> str:
    """Return what an action of IAM is on; the other services' actions are allowed on anything."""
    service, _, name = action.partition(":")
    if service != "iam":
        return "*"
    kinds = {
        "InstanceProfile": "instance-profile/dev-1A2B",
        "OpenIDConnect": "oidc-provider/oidc.example.com",
        "Role": "role/dev-Cluster-1A2B",
        "Policy": "policy/dev-1A2B",
    }
    kind = next((resource for part, resource in kinds.items() if part in name), kinds["Role"])
    return f"arn:aws:iam::{account}:{kind}"
