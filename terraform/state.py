"""The bucket of Terraform's state: what Terraform needs before it can make anything."""

import json
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from terraform.errors import AccountsError

KEPT_DAYS = 365
"""How long an overwritten state can be brought back."""


def name(management: str) -> str:
    """Return the name of the bucket, one for an organization."""
    return f"mindforce-terraform-{management}"


def caller(region: str) -> str:
    """Return the account of the credentials. Raises AccountsError when there are none."""
    try:
        account: str = boto3.client("sts", region_name=region).get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        raise AccountsError(
            f"AWS doesn't know who you are ({error}); credentials of the management account are "
            "needed."
        ) from None
    return account


def exists(bucket: str, region: str) -> bool:
    """Say whether the bucket is there. Raises AccountsError when somebody else has the name."""
    try:
        boto3.client("s3", region_name=region).head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return False
        raise AccountsError(f"The state's bucket {bucket} can't be reached: {error}") from None
    return True


def ensure(bucket: str, region: str) -> None:
    """Make the bucket, or bring it back to what it must be: private, encrypted, with versions."""
    s3 = boto3.client("s3", region_name=region)
    if not exists(bucket, region):
        place: Any = {"LocationConstraint": region}
        # The one region that must not be named (API reference of CreateBucket).
        options = {} if region == "us-east-1" else {"CreateBucketConfiguration": place}
        s3.create_bucket(Bucket=bucket, **options)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_public_access_block(
        Bucket=bucket,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )
    rule: Any = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    s3.put_bucket_lifecycle_configuration(
        Bucket=bucket,
        LifecycleConfiguration={
            "Rules": [
                {
                    "ID": "overwritten",
                    "Status": "Enabled",
                    "Filter": {"Prefix": ""},
                    "NoncurrentVersionExpiration": {"NoncurrentDays": KEPT_DAYS},
                }
            ]
        },
    )
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(_policy(bucket)))


def _policy(bucket: str) -> Any:
    """TLS only, and nobody deletes it by mistake: who means it takes the policy away first."""
    arn = f"arn:aws:s3:::{bucket}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [arn, f"{arn}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
            {
                "Sid": "TheStateStays",
                "Effect": "Deny",
                "Principal": "*",
                "Action": ["s3:DeleteBucket", "s3:DeleteObjectVersion"],
                "Resource": [arn, f"{arn}/*"],
            },
        ],
    }
