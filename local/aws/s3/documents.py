"""Bucket properties of a template as the XML documents of S3's API."""

import re
from collections.abc import Mapping
from xml.sax.saxutils import escape

from local.aws.resource_types import NotEmulatedError, Properties, refuse_unknown, words

_BUCKET = "AWS::S3::Bucket"
_RULE = words(
    "AbortIncompleteMultipartUpload ExpirationInDays ExpiredObjectDeleteMarker Id "
    "NoncurrentVersionExpiration NoncurrentVersionTransitions ObjectSizeGreaterThan "
    "ObjectSizeLessThan Prefix Status Transitions"
)


def encryption(value: Properties) -> bytes:
    """ServerSideEncryptionConfiguration for PutBucketEncryption."""
    refuse_unknown(f"{_BUCKET} BucketEncryption", value, ["ServerSideEncryptionConfiguration"])
    rules = ""
    for rule in value["ServerSideEncryptionConfiguration"]:
        refuse_unknown(
            f"{_BUCKET} BucketEncryption rule",
            rule,
            ["ServerSideEncryptionByDefault", "BucketKeyEnabled"],
        )
        default = rule["ServerSideEncryptionByDefault"]
        inner = _tag("SSEAlgorithm", default["SSEAlgorithm"])
        inner += _tag("KMSMasterKeyID", default.get("KMSMasterKeyID"))
        rules += _wrap(
            "Rule",
            _wrap("ApplyServerSideEncryptionByDefault", inner)
            + _tag("BucketKeyEnabled", rule.get("BucketKeyEnabled", False)),
        )
    return _wrap("ServerSideEncryptionConfiguration", rules).encode()


def lifecycle(value: Properties) -> bytes:
    """LifecycleConfiguration for PutBucketLifecycleConfiguration."""
    refuse_unknown(f"{_BUCKET} LifecycleConfiguration", value, ["Rules"])
    rules = "".join(_rule(rule) for rule in value["Rules"])
    return _wrap("LifecycleConfiguration", rules).encode()


def tagging(value: list[Mapping[str, str]]) -> bytes:
    tags = "".join(
        _wrap("Tag", _tag("Key", tag["Key"]) + _tag("Value", tag["Value"])) for tag in value
    )
    return _wrap("Tagging", _wrap("TagSet", tags)).encode()


def ownership(value: Properties) -> bytes:
    rules = "".join(
        _wrap("Rule", _tag("ObjectOwnership", rule["ObjectOwnership"])) for rule in value["Rules"]
    )
    return _wrap("OwnershipControls", rules).encode()


def canned_acl(value: str) -> bytes:
    """A template's LogDeliveryWrite as the x-amz-acl header's log-delivery-write."""
    return re.sub(r"(?<!^)([A-Z])", r"-\1", value).lower().encode()


def versioning(value: Properties) -> bytes:
    return _wrap("VersioningConfiguration", _tag("Status", value["Status"])).encode()


def logging(value: Properties) -> bytes:
    """BucketLoggingStatus; the target is named, because a bucket cannot log to itself here."""
    refuse_unknown(
        f"{_BUCKET} LoggingConfiguration", value, ["DestinationBucketName", "LogFilePrefix"]
    )
    if "DestinationBucketName" not in value:
        raise NotEmulatedError(
            f"{_BUCKET} LoggingConfiguration without DestinationBucketName is not emulated."
        )
    inner = _tag("TargetBucket", value["DestinationBucketName"])
    inner += f"<TargetPrefix>{escape(value.get('LogFilePrefix', ''))}</TargetPrefix>"
    return _wrap("BucketLoggingStatus", _wrap("LoggingEnabled", inner)).encode()


def _rule(rule: Properties) -> str:
    refuse_unknown(f"{_BUCKET} LifecycleConfiguration rule", rule, _RULE)
    text = _tag("ID", rule.get("Id")) + _tag("Status", rule["Status"])
    text += _wrap("Filter", _filter(rule))
    for transition in rule.get("Transitions", []):
        text += _wrap(
            "Transition",
            _tag("Days", transition.get("TransitionInDays"))
            + _tag("Date", transition.get("TransitionDate"))
            + _tag("StorageClass", transition["StorageClass"]),
        )
    if "ExpirationInDays" in rule or "ExpiredObjectDeleteMarker" in rule:
        text += _wrap(
            "Expiration",
            _tag("Days", rule.get("ExpirationInDays"))
            + _tag("ExpiredObjectDeleteMarker", rule.get("ExpiredObjectDeleteMarker")),
        )
    for transition in rule.get("NoncurrentVersionTransitions", []):
        text += _wrap(
            "NoncurrentVersionTransition",
            _tag("NoncurrentDays", transition["TransitionInDays"])
            + _tag("NewerNoncurrentVersions", transition.get("NewerNoncurrentVersions"))
            + _tag("StorageClass", transition["StorageClass"]),
        )
    if "NoncurrentVersionExpiration" in rule:
        old = rule["NoncurrentVersionExpiration"]
        text += _wrap(
            "NoncurrentVersionExpiration",
            _tag("NoncurrentDays", old["NoncurrentDays"])
            + _tag("NewerNoncurrentVersions", old.get("NewerNoncurrentVersions")),
        )
    if "AbortIncompleteMultipartUpload" in rule:
        days = rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
        text += _wrap("AbortIncompleteMultipartUpload", _tag("DaysAfterInitiation", days))
    return _wrap("Rule", text)


def _filter(rule: Properties) -> str:
    prefix = f"<Prefix>{escape(rule.get('Prefix', ''))}</Prefix>"
    sizes = "".join(
        _tag(name, rule.get(name)) for name in ("ObjectSizeGreaterThan", "ObjectSizeLessThan")
    )
    return _wrap("And", prefix + sizes) if sizes else prefix


def _tag(name: str, value: object) -> str:
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"<{name}>{escape(text)}</{name}>"


def _wrap(name: str, inner: str) -> str:
    return f"<{name}>{inner}</{name}>"
