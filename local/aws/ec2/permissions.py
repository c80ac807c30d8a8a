"""What IAM judges an EC2 call by: the tags of the resource, and which one CreateTags is about."""

from collections.abc import Iterator, Mapping
from typing import Any

from local.aws import internals
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
    internals.replace(internals.module("core.iam_actions"), "extract_resource_arn", _resource)
    collectors = internals.member(internals.module("services.tagging"), "_RESOURCE_TAG_COLLECTORS")
    collectors["ec2"] = _tagged


def _resource(stock: Any) -> Any:
    def resource(
        service: str,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        query: dict[str, Any],
        region: str,
        account: str,
    ) -> str:
        if service == "ec2" and ec2()._p(query, "Action") in ("CreateTags", "DeleteTags"):
            return _arn(str(ec2()._p(query, "ResourceId.1")), region, account)
        return str(stock(service, method, path, headers, body, query, region, account))

    return resource


def _tagged() -> Iterator[tuple[str, list[dict[str, str]]]]:
    for identifier, tags in ec2()._tags.items():
        yield _arn(identifier, internals.region(), internals.account()), tags


def _arn(identifier: str, region: str, account: str) -> str:
    kind = _TYPES.get(identifier.partition("-")[0], "*")
    return f"arn:aws:ec2:{region}:{account}:{kind}/{identifier}"
