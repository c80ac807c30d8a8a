"""The bucket that backups go to."""

from aws_cdk import Duration, aws_s3
from constructs import Construct

from mindforce.private_bucket import PrivateBucket

BACKUPS = "velero/"
"""The prefix of Velero's backups, as its storage location has it."""
DUMPS = "dumps/"
"""The prefix of the database's dumps: made to be proven and soon forgotten."""


class BackupBucket(PrivateBucket):
    """A private, encrypted, versioned bucket that outlives its stack and forgets nothing early."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        noncurrent_expiration: Duration,
        dump_expiration: Duration,
    ) -> None:
        super().__init__(
            scope,
            id,
            description="Backups",
            versioned=True,
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
