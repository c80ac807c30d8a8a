"""Writes with aws:kms and no key id, as the CDK CLI sends them, use the account's aws/s3 key."""

from typing import Any

from local.aws import internals

_ALGORITHM = "x-amz-server-side-encryption"
_KEY = "x-amz-server-side-encryption-aws-kms-key-id"


def install() -> None:
    internals.replace(internals.module("services.s3"), "_resolve_sse_write_headers", _with_key)


def _with_key(stock: Any) -> Any:
    def resolve(headers: dict[str, str], bucket: str) -> Any:
        if headers.get(_ALGORITHM) == "aws:kms" and not headers.get(_KEY):
            owner = f"{internals.region()}:{internals.account()}"
            headers = {**headers, _KEY: f"arn:aws:kms:{owner}:alias/aws/s3"}
        return stock(headers, bucket)

    return resolve
