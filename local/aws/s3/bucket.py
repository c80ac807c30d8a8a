"""AWS::S3::Bucket: its configuration is put through S3's own API calls, its deletion too."""

from collections.abc import Callable
from typing import Any

from local.aws import internals, responses
from local.aws.resource_types import Attributes, Properties, restrict, set_create_only
from local.aws.s3 import documents

_NAME = "AWS::S3::Bucket"
_STOCK = "CorsConfiguration PublicAccessBlockConfiguration WebsiteConfiguration"


def install() -> None:
    provisioners = internals.module("services.cloudformation.provisioners")
    s3 = internals.module("services.s3")
    # Notifications need a delivery that we have not looked at, so they are refused with the rest.
    restrict(
        _NAME,
        "AccessControl BucketEncryption BucketName LifecycleConfiguration LoggingConfiguration "
        f"OwnershipControls Tags VersioningConfiguration {_STOCK}",
    )
    set_create_only({_NAME: "BucketName ObjectLockEnabled", "AWS::S3::BucketPolicy": "Bucket"})
    internals.member(provisioners, "_STACK_TAG_PROPERTY")[_NAME] = ("Tags", "list")
    added = (
        (
            "BucketEncryption",
            documents.encryption,
            s3._put_bucket_encryption,
            s3._delete_bucket_encryption,
        ),
        (
            "LifecycleConfiguration",
            documents.lifecycle,
            s3._put_bucket_lifecycle,
            s3._delete_bucket_lifecycle,
        ),
        (
            "OwnershipControls",
            documents.ownership,
            s3._put_bucket_ownership_controls,
            s3._delete_bucket_ownership_controls,
        ),
        (
            "AccessControl",
            documents.canned_acl,
            _put_acl,
            lambda name: s3._bucket_acl.pop(name, None),
        ),
        (
            "LoggingConfiguration",
            documents.logging,
            s3._put_bucket_logging,
            lambda name: s3._put_bucket_logging(name, b""),
        ),
        (
            "VersioningConfiguration",
            documents.versioning,
            s3._put_bucket_versioning,
            lambda name: s3._put_bucket_versioning(
                name, documents.versioning({"Status": "Suspended"})
            ),
        ),
        ("Tags", documents.tagging, s3._put_bucket_tagging, s3._delete_bucket_tagging),
    )
    internals.replace(
        provisioners,
        "_S3_BUCKET_CONFIGURATIONS",
        lambda stock: tuple(
            (name, render, _accepted(put), delete) for name, render, put, delete in (*stock, *added)
        ),
    )
    handler = internals.member(provisioners, "_RESOURCE_HANDLERS")[_NAME]
    handler["create"] = _whole_or_none(handler["create"])
    handler["delete"] = _delete
    internals.member(internals.module("services.cloudformation.drift"), "_DRIFT_READERS")[_NAME] = (
        _read,
        frozenset({"BucketName", "VersioningConfiguration", "Tags"}),
    )


def _accepted(put: Callable[[str, bytes], responses.Response]) -> Callable[[str, bytes], None]:
    """A put whose refusal fails the resource; MiniStack ignores the answer."""

    def call(name: str, document: bytes) -> None:
        responses.body(put(name, document))

    return call


def _put_acl(name: str, canned: bytes) -> responses.Response:
    s3 = internals.module("services.s3")
    if canned == b"private":
        # What every bucket has; a bucket whose ACLs are disabled would refuse the call.
        s3._bucket_acl.pop(name, None)
        return 200, {}, b""
    answer: responses.Response = s3._put_bucket_acl(name, b"", {"x-amz-acl": canned.decode()})
    return answer


def _whole_or_none(create: Callable[..., tuple[str, Attributes]]) -> Any:
    """A create that leaves no bucket behind when one of its properties is refused."""

    def call(logical_id: str, properties: Properties, stack: str) -> tuple[str, Attributes]:
        s3 = internals.module("services.s3")
        known = set(s3._buckets)
        try:
            return create(logical_id, properties, stack)
        except ValueError:
            for name in set(s3._buckets) - known:
                s3._delete_bucket(name)
            raise

    return call


def _delete(name: str, _properties: Properties) -> None:
    s3 = internals.module("services.s3")
    if name in s3._buckets:
        responses.body(s3._delete_bucket(name))


def _read(name: str, _properties: Properties) -> Properties | None:
    s3 = internals.module("services.s3")
    if name not in s3._buckets:
        return None
    tags = s3._bucket_tags.get(name) or {}
    state: Attributes = {
        "BucketName": name,
        "Tags": [{"Key": key, "Value": value} for key, value in dict(tags).items()],
    }
    if name in s3._bucket_versioning:
        state["VersioningConfiguration"] = {"Status": s3._bucket_versioning[name]}
    return state
