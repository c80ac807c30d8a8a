"""What IAM judges DescribeAlarms by: all alarms of the account, as AWS's own refusals name them."""

from collections.abc import Mapping
from typing import Any

from local.aws import internals


def install() -> None:
    internals.replace(internals.module("core.iam_actions"), "extract_resource_arn", _resource)


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
        if service in ("cloudwatch", "monitoring"):
            action = internals.module("core.iam_actions").extract_iam_action(
                service, method, path, headers, body, query
            )
            if action == "cloudwatch:DescribeAlarms":
                return f"arn:aws:cloudwatch:{region}:{account}:alarm:*"
        return str(stock(service, method, path, headers, body, query, region, account))

    return resource
