"""The bucket through which a pipeline's actions hand on what they made."""

from aws_cdk import Duration, RemovalPolicy, aws_kms, aws_s3
from constructs import Construct


class ArtifactBucket(Construct):
    """A private bucket under a key that rotates; what is in it goes after some days."""

    def __init__(self, scope: Construct, id: str, *, days: int) -> None:
        super().__init__(scope, id)
        self.key = aws_kms.Key(
            self,
            "Key",
            description="Pipeline artifacts",
            enable_key_rotation=True,
            # Without it no run can be rolled back to.
            removal_policy=RemovalPolicy.RETAIN,
        )
        self.bucket = aws_s3.Bucket(
            self,
            "Bucket",
            encryption=aws_s3.BucketEncryption.KMS,
            encryption_key=self.key,
            bucket_key_enabled=True,
            enforce_ssl=True,
            block_public_access=aws_s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=aws_s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=RemovalPolicy.RETAIN,
            lifecycle_rules=[
                aws_s3.LifecycleRule(
                    id="old-runs",
                    expiration=Duration.days(days),
                    abort_incomplete_multipart_upload_after=Duration.days(1),
                )
            ],
        )
