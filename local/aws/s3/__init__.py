"""S3: every bucket property goes through the API that shows it; a bucket with objects stays."""

from local.aws.s3 import account_block, bucket, default_key


def install() -> None:
    bucket.install()
    default_key.install()
    account_block.install()
