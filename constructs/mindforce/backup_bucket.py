"""The bucket that backups go to."""

from aws_cdk import Duration, RemovalPolicy, aws_kms, aws_s3
from constructs import Construct

DUMPS = "dumps/"
"""The prefix of the database's dumps: made to be proven and soon forgotten."""


class BackupBucket(Construct):
    """A private, encrypted, versioned bucket that outlives its stack and forgets nothing early."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        noncurrent_expiration: Duration,
        dump_expiration: Duration,
    ) -> None:
        super().__init__(scope, id)
        self.key = aws_kms.Key(
            self,
            "Key",
            description="Backups",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.RETAIN,
        )
        self.bucket = aws_s3.Bucket(
            self,
            "Bucket",
            encryption=aws_s3.BucketEncryption.KMS,
            encryption_key=self.key,
            bucket_key_enabled=True,
            versioned=True,
            enforce_ssl=True,
            block_public_access=aws_s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=aws_s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=RemovalPolicy.RETAIN,
            lifecycle_rules=[
                aws_s3.LifecycleRule(
                    id="overwritten",
                    noncurrent_version_expiration=noncurrent_expiration,
                    abort_incomplete_multipart_upload_after=Duration.days(7),
                ),
                aws_s3.LifecycleRule(id="dumps", prefix=DUMPS, expiration=dump_expiration),
                # S3 refuses this in a rule with an expiration.
                aws_s3.LifecycleRule(id="markers", expired_object_delete_marker=True),
            ],
        )
