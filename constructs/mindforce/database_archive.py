"""What the database's archive and its dumps take of the bucket that they are in."""

from collections.abc import Sequence

from mindforce.backup_bucket import DUMPS, BackupBucket
from mindforce.policy import Statement

# What pgBackRest calls, and reading the parts of an upload that it goes on with.
_OBJECTS = (
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:GetObject",
    "s3:ListMultipartUploadParts",
    "s3:PutObject",
)


def archive_statements(backups: BackupBucket, *, prefix: str, region: str) -> Sequence[Statement]:
    """Return what a role needs to keep an archive under a prefix, its key's permissions with it."""
    bucket = backups.bucket.bucket_arn
    below = {"s3:prefix": [prefix, f"{prefix}/*"]}
    return [
        {"Action": list(_OBJECTS), "Resource": f"{bucket}/{prefix}/*"},
        {"Action": ["s3:ListBucket"], "Resource": bucket, "Condition": {"StringLike": below}},
        _key(backups, region),
    ]


def dump_statements(backups: BackupBucket, *, region: str) -> Sequence[Statement]:
    """Return what a role needs to add dumps, and neither to read nor to delete one."""
    objects = f"{backups.bucket.bucket_arn}/{DUMPS}*"
    return [{"Action": ["s3:PutObject"], "Resource": objects}, _key(backups, region)]


def _key(backups: BackupBucket, region: str) -> Statement:
    """Return what any upload to the bucket takes of its key, one in parts both."""
    through_s3 = {"kms:ViaService": f"s3.{region}.amazonaws.com"}
    return {
        "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
        "Resource": backups.key.key_arn,
        "Condition": {"StringEquals": through_s3},
    }
