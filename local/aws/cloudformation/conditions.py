"""Conditions that compare an Fn::Join, as the one in CDK's bootstrap template does."""

from collections.abc import Mapping
from typing import Any

from local.aws import internals

_PACKAGE = "services.cloudformation"


def install() -> None:
    owners = tuple(
        internals.module(f"{_PACKAGE}.{name}")
        for name in ("engine", "stacks", "changesets", "handlers")
    )
    internals.replace_in(owners, "_evaluate_conditions", _joining)


def _joining(stock: Any) -> Any:
    def evaluate(template: dict[str, Any], parameters: Mapping[str, Any]) -> Any:
        conditions = _join(template.get("Conditions", {}), parameters)
        return stock({**template, "Conditions": conditions}, parameters)

    return evaluate


def _join(value: Any, parameters: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_join(item, parameters) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Fn::Join"}:
        separator, items = value["Fn::Join"]
        items = _value(items, parameters)
        parts = items.split(",") if isinstance(items, str) else items
        return separator.join(str(_value(part, parameters)).strip() for part in parts)
    return {key: _join(item, parameters) for key, item in value.items()}


def _value(item: Any, parameters: Mapping[str, Any]) -> Any:
    if isinstance(item, dict) and set(item) == {"Ref"} and item["Ref"] in parameters:
        return parameters[item["Ref"]]["Value"]
    return _join(item, parameters)
