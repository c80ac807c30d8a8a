"""What every bucket of ours under a key of its own has in common."""

from collections.abc import Sequence

from aws_cdk import RemovalPolicy, aws_kms, aws_s3
from constructs import Construct


class PrivateBucket(Construct):
    """A bucket for its account alone, reached by TLS, under a key that rotates; both are kept."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        description: str,
        versioned: bool = False,
        lifecycle_rules: Sequence[aws_s3.LifecycleRule],
    ) -> None:
        super().__init__(scope, id)
        self.key = aws_kms.Key(
            self,
            "Key",
            description=description,
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.RETAIN,
        )
        self.bucket = aws_s3.Bucket(
            self,
            "Bucket",
            encryption=aws_s3.BucketEncryption.KMS,
            encryption_key=self.key,
            bucket_key_enabled=True,
            versioned=versioned,
            enforce_ssl=True,
            block_public_access=aws_s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=aws_s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=RemovalPolicy.RETAIN,
            lifecycle_rules=lifecycle_rules,
        )
