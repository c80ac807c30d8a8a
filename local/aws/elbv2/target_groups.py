"""Target groups: their protocol version, and which load balancers use them."""

import re
from collections.abc import Iterator
from typing import Any

from local.aws import internals
from local.aws.ec2.service import Parameters
from local.aws.elbv2.service import (
    Call,
    answer,
    elbv2,
    parameter,
    refusal,
    replace_call,
)
from local.aws.responses import Response

_CLOSING = "</member>"
_OF_HTTP = re.compile("<HealthCheckPath>.*?</HealthCheckPath>|<Matcher>.*?</Matcher>")


def install() -> None:
    internals.replace(elbv2(), "_tg_xml", _whole)
    replace_call("CreateTargetGroup", _create)
    replace_call("DeleteTargetGroup", _delete)


def _whole(stock: Any) -> Any:
    def shown(record: dict[str, Any]) -> str:
        users = sorted(set(_users(record["TargetGroupArn"])))
        text: str = stock({**record, "LoadBalancerArns": users})
        if record["HealthCheckProtocol"] == "TCP":
            text = _OF_HTTP.sub("", text)
        # Without these the controller takes each group for another one and replaces it.
        added = (name for name in ("ProtocolVersion", "IpAddressType") if name in record)
        extra = "".join(f"<{name}>{record[name]}</{name}>" for name in added)
        return text.removesuffix(_CLOSING) + extra + _CLOSING

    return shown


def _users(arn: str) -> Iterator[str]:
    """The load balancers whose listeners or rules forward to the group."""
    listeners = elbv2()._listeners
    for listener in listeners.values():
        if arn in str(listener["DefaultActions"]):
            yield listener["LoadBalancerArn"]
    for rule in elbv2()._rules.values():
        if arn in str(rule["Actions"]) and rule["ListenerArn"] in listeners:
            yield listeners[rule["ListenerArn"]]["LoadBalancerArn"]


def _create(stock: Call) -> Call:
    def create(request: Parameters) -> Response:
        response = stock(request)
        if response[0] >= 400:
            return response
        name = parameter(request, "Name")
        (record,) = (one for one in elbv2()._tgs.values() if one["TargetGroupName"] == name)
        if record["Protocol"] in ("HTTP", "HTTPS"):
            record["ProtocolVersion"] = parameter(request, "ProtocolVersion") or "HTTP1"
        record["IpAddressType"] = parameter(request, "IpAddressType") or "ipv4"
        return answer(
            "CreateTargetGroup", f"<TargetGroups>{elbv2()._tg_xml(record)}</TargetGroups>"
        )

    return create


def _delete(stock: Call) -> Call:
    def delete(request: Parameters) -> Response:
        arn = parameter(request, "TargetGroupArn")
        if any(_users(arn)):
            message = f"Target group '{arn}' is currently in use by a listener or a rule"
            return refusal("ResourceInUse", message)
        return stock(request)

    return delete
