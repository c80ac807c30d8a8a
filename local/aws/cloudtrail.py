"""CloudTrail: trails keep their tags, write to a bucket that lets them, and serve an organization
that lets CloudTrail in."""

from collections.abc import Mapping
from typing import Any

from local.aws import internals
from local.aws.organizations import organization
from local.aws.organizations.service import management_of

_PRINCIPAL = "cloudtrail.amazonaws.com"


def install() -> None:
    calls = internals.member(internals.module("services.cloudtrail"), "_DISPATCH")
    calls["CreateTrail"] = _create(calls["CreateTrail"])


def _create(stock: Any) -> Any:
    service = internals.module("services.cloudtrail")

    def create(content: dict[str, Any]) -> Any:
        refused = _refusal(content)
        if refused is not None:
            return service._err(*refused)
        response = stock(content)
        if response[0] == 200 and content.get("TagsList"):
            trail = service._trail_arn(content["Name"])
            service._add_tags({"ResourceId": trail, "TagsList": content["TagsList"]})
        return response

    return create


def _refusal(content: Mapping[str, Any]) -> tuple[str, str] | None:
    account, bucket = internals.account(), content.get("S3BucketName", "")
    if content.get("IsOrganizationTrail"):
        if management_of(account) != account:
            return "NotOrganizationMasterAccountException", "Only the management account may."
        if not organization.service_access(account, _PRINCIPAL):
            message = "The organization doesn't let CloudTrail in: EnableAWSServiceAccess first."
            return "CloudTrailAccessNotEnabledException", message
    s3 = internals.module("services.s3")
    if bucket not in s3._buckets:
        return "S3BucketDoesNotExistException", f"S3 bucket {bucket} does not exist!"
    if not _may_write(bucket, content.get("S3KeyPrefix", ""), content["Name"]):
        message = f"Incorrect S3 bucket policy is detected for bucket: {bucket}"
        return "InsufficientS3BucketPolicyException", message
    return None


def _may_write(bucket: str, prefix: str, trail: str) -> bool:
    """Whether the bucket's policy lets this trail look at it and write its first object."""
    evaluator = internals.module("core.iam_evaluator")
    account = internals.account()
    lead = f"{prefix}/" if prefix else ""
    calls = {
        "s3:GetBucketAcl": f"arn:aws:s3:::{bucket}",
        "s3:PutObject": f"arn:aws:s3:::{bucket}/{lead}AWSLogs/{account}/trail",
    }
    policy = internals.module("services.s3")._bucket_policies.get(bucket)
    return all(
        evaluator.evaluate_resource_policy(
            policy,
            evaluator.EvalContext(
                principal_arn=_PRINCIPAL,
                principal_type="Service",
                principal_account="",
                action=action,
                resource_arn=resource,
                region=internals.region(),
                service_context={
                    "aws:sourcearn": internals.module("services.cloudtrail")._trail_arn(trail),
                    "s3:x-amz-acl": "bucket-owner-full-control",
                },
            ),
            service=_PRINCIPAL,
        ).decision
        == "Allow"
        for action, resource in calls.items()
    )
