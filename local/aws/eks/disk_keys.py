"""The keys of nodes' disks: without a grant to Auto Scaling no instance of a group starts."""

from local.aws import internals
from local.aws.eks.nodegroup_settings import template
from local.aws.eks.service import EksError, Record

_CALLS: tuple[tuple[str, dict[str, str]], ...] = (
    ("kms:DescribeKey", {}),
    ("kms:GenerateDataKeyWithoutPlaintext", {}),
    ("kms:Decrypt", {}),
    ("kms:CreateGrant", {"kms:grantisforawsresource": "true"}),
)
"""What starting an instance calls with the key of its disk, as Auto Scaling's own role."""


def require_usable(group: Record) -> None:
    """Raise EksError where Auto Scaling could not use a key that the group's template names."""
    if "launchTemplate" not in group:
        return
    _, data = template(group["launchTemplate"])
    for mapping in data.get("BlockDeviceMappings", []):
        if key := mapping.get("Ebs", {}).get("KmsKeyId"):
            _require(key)


def _require(arn: str) -> None:
    account, region = internals.account(), internals.region()
    key = internals.module("services.kms")._resolve_key(arn)
    if key is None or not key.get("Enabled", True):
        raise _failure(f"Client.InvalidKMSKey.InvalidState: {arn} is missing or disabled")
    evaluator = internals.module("core.iam_evaluator")
    for action, context in _CALLS:
        request = evaluator.EvalContext(
            principal_arn=f"arn:aws:iam::{account}:role/aws-service-role/"
            "autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling",
            principal_type="AssumedRole",
            principal_account=account,
            action=action,
            resource_arn=arn,
            region=region,
            service_context=context,
        )
        # The account's root hands the decision to IAM, where this role has nothing about keys.
        answer = evaluator.evaluate_resource_policy(key["Policy"], request, named_only=True)
        if answer.decision != "Allow":
            raise _failure(
                "Client.InternalError: AWSServiceRoleForAutoScaling may not call "
                f"{action} by the policy of {arn}"
            )


def _failure(reason: str) -> EksError:
    return EksError(
        "AsgInstanceLaunchFailures",
        "Instance became unhealthy while waiting for instance to be in InService state. "
        f"Termination Reason: {reason}",
    )
