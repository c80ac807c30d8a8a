"""What a restore drill may do in AWS."""

from collections.abc import Sequence

from mindforce.backup_bucket import BACKUPS, DUMPS, BackupBucket
from mindforce.policy import Statement


def drill_statements(
    backups: BackupBucket, *, region: str, metric_namespace: str
) -> Sequence[Statement]:
    """Return what reads Velero's backups and dumps, and writes reports and one metric."""
    bucket = backups.bucket.bucket_arn
    through_s3 = {"StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"}}
    return [
        {
            "Action": "s3:GetObject",
            "Resource": [f"{bucket}/{BACKUPS}backups/*", f"{bucket}/{DUMPS}*"],
        },
        {
            "Action": "s3:ListBucket",
            "Resource": bucket,
            "Condition": {"StringLike": {"s3:prefix": [f"{BACKUPS}backups/*", f"{DUMPS}*"]}},
        },
        {"Action": "s3:PutObject", "Resource": f"{bucket}/drills/*"},
        {
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": backups.key.key_arn,
            "Condition": through_s3,
        },
        metric_statement(metric_namespace),
    ]


def metric_statement(namespace: str) -> Statement:
    """Return what publishes metrics of a namespace, and of no other."""
    return {
        "Action": "cloudwatch:PutMetricData",
        "Resource": "*",  # CloudWatch knows no resources for metrics
        "Condition": {"StringEquals": {"cloudwatch:namespace": namespace}},
    }
