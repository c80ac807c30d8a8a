"""What IAM judges an EC2 call by: the tags of the resource, and which one CreateTags is about."""

from collections.abc import Iterator

from local.aws import internals, judged
from local.aws.ec2.service import ec2

_TYPES = {
    "i": "instance",
    "sg": "security-group",
    "snap": "snapshot",
    "subnet": "subnet",
    "vol": "volume",
    "vpc": "vpc",
}
"""Resource types in ARNs by the first part of their ids."""


def install() -> None:
    judged.by("ec2", _resource)
    judged.tagged("ec2", _tagged)


def _resource(call: judged.Call) -> str | None:
    if call.action not in ("CreateTags", "DeleteTags"):
        return None
    return _arn(str(ec2()._p(call.query, "ResourceId.1")), call.region, call.account)


def _tagged() -> Iterator[tuple[str, list[dict[str, str]]]]:
    for identifier, tags in ec2()._tags.items():
        yield _arn(identifier, internals.region(), internals.account()), tags


def _arn(identifier: str, region: str, account: str) -> str:
    kind = _TYPES.get(identifier.partition("-")[0], "*")
    return f"arn:aws:ec2:{region}:{account}:{kind}/{identifier}"
