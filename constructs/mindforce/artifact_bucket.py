"""The bucket through which a pipeline's actions hand on what they made."""

from aws_cdk import Duration, aws_s3
from constructs import Construct

from mindforce.private_bucket import PrivateBucket


class ArtifactBucket(PrivateBucket):
    """What is in it goes after some days, and until then can be rolled back to."""

    def __init__(self, scope: Construct, id: str, *, days: int) -> None:
        super().__init__(
            scope,
            id,
            description="Pipeline artifacts",
            lifecycle_rules=[
                aws_s3.LifecycleRule(
                    id="old-runs",
                    expiration=Duration.days(days),
                    abort_incomplete_multipart_upload_after=Duration.days(1),
                )
            ],
        )
