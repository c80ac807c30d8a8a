"""Where load balancers write their access logs."""

from aws_cdk import RemovalPolicy, aws_s3
from constructs import Construct

from mindforce.policy import document


class LoadBalancerLogs(Construct):
    """A private bucket that Elastic Load Balancing alone writes to; it empties itself with time."""

    def __init__(self, scope: Construct, id: str, *, account: str, keep_days: int) -> None:
        super().__init__(scope, id)
        bucket = aws_s3.CfnBucket(
            self,
            "Bucket",
            # Elastic Load Balancing delivers to buckets with S3's own keys only, not to KMS.
            bucket_encryption={
                "serverSideEncryptionConfiguration": [
                    {"serverSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}
                ]
            },
            public_access_block_configuration={
                "blockPublicAcls": True,
                "blockPublicPolicy": True,
                "ignorePublicAcls": True,
                "restrictPublicBuckets": True,
            },
            ownership_controls={"rules": [{"objectOwnership": "BucketOwnerEnforced"}]},
            lifecycle_configuration={
                "rules": [
                    {
                        "id": "expire",
                        "status": "Enabled",
                        "expirationInDays": keep_days,
                        "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7},
                    }
                ]
            },
        )
        self.bucket_name = bucket.ref
        arn = bucket.attr_arn
        policy = aws_s3.CfnBucketPolicy(
            self,
            "Policy",
            bucket=self.bucket_name,
            policy_document=document(
                {
                    "Effect": "Deny",
                    "Principal": {"AWS": "*"},  # is refused
                    "Action": "s3:*",  # whatever comes without TLS
                    "Resource": [arn, f"{arn}/*"],
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                },
                {
                    "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
                    "Action": "s3:PutObject",
                    "Resource": f"{arn}/AWSLogs/{account}/*",
                },
            ),
        )
        # The record of who came outlives the environment; nobody has to empty it by hand.
        for resource in (bucket, policy):
            resource.apply_removal_policy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
