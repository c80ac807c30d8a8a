"""DescribeAvailabilityZones with ids or names: those, not all."""

import re
from typing import Any

from local.aws import internals, responses
from local.aws.ec2.service import Parameters, ec2

_ITEM = re.compile("<item>.*?</item>", re.DOTALL)


def install() -> None:
    calls = internals.member(ec2(), "_ACTION_MAP")
    calls["DescribeAvailabilityZones"] = _chosen(calls["DescribeAvailabilityZones"])


def _chosen(stock: Any) -> Any:
    def describe(request: Parameters) -> responses.Response:
        wanted = {
            tag: ec2()._parse_member_list(request, name)
            for tag, name in (("zoneId", "ZoneId"), ("zoneName", "ZoneName"))
        }
        status, headers, content = stock(request)
        text = content.decode() if isinstance(content, bytes) else content

        def keep(item: re.Match[str]) -> str:
            chosen = all(
                not values or any(f"<{tag}>{value}</{tag}>" in item[0] for value in values)
                for tag, values in wanted.items()
            )
            return item[0] if chosen else ""

        return status, headers, _ITEM.sub(keep, text).encode()

    return describe
