"""AWS::CloudWatch::Dashboard: a body that isn't a dashboard's is refused."""

import json
from typing import Any

from local.aws import internals
from local.aws.resource_types import restrict, set_create_only

_NAME = "AWS::CloudWatch::Dashboard"
_KINDS = frozenset({"alarm", "log", "metric", "text", "explorer"})


def install() -> None:
    restrict(_NAME, "DashboardBody DashboardName")
    set_create_only({_NAME: "DashboardName"})
    cloudwatch = internals.module("services.cloudwatch")
    internals.replace(cloudwatch, "cloudformation_put_dashboard", _valid)
    internals.replace(cloudwatch, "_put_dashboard", _refusing)


def _valid(stock: Any) -> Any:
    def put(name: str, body: str) -> str:
        try:
            kinds = {widget["type"] for widget in json.loads(body)["widgets"]}
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"DashboardBody of {name} isn't a list of widgets: {error}") from error
        if unknown := sorted(kinds - _KINDS):
            raise ValueError(f"DashboardBody of {name} has widgets of type {', '.join(unknown)}")
        return str(stock(name, body))

    return put


def _refusing(stock: Any) -> Any:
    """PutDashboard whose refusal is an answer."""

    def call(parameters: Any, data: Any, is_cbor: bool, is_json: bool = False) -> Any:
        try:
            return stock(parameters, data, is_cbor, is_json)
        except ValueError as error:
            refuse = internals.module("services.cloudwatch")._error
            return refuse(
                "InvalidParameterInput", str(error), 400, use_json=is_json, use_cbor=is_cbor
            )

    return call
