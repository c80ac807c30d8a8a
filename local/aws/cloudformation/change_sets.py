"""A change set that changes outputs only is one that can be executed, as on AWS."""

from collections.abc import Mapping
from typing import Any

from local.aws import internals


def install() -> None:
    changesets = internals.module("services.cloudformation.changesets")
    internals.replace(changesets, "_resolve_props_for_diff", _with_outputs)
    internals.replace(changesets, "_diff_resources", _or_outputs)


class _Changes(list[Any]):
    """Changes of resources, none perhaps, beside those of outputs."""

    def __bool__(self) -> bool:
        return True


def _with_outputs(stock: Any) -> Any:
    def resolve(template: Mapping[str, Any], *arguments: Any) -> Any:
        resolved = stock(template, *arguments)
        return resolved and {**resolved, "Outputs": template.get("Outputs", {})}

    return resolve


def _or_outputs(stock: Any) -> Any:
    def diff(old: Mapping[str, Any], new: Mapping[str, Any], *arguments: Any) -> Any:
        changes = stock(old, new, *arguments)
        return _Changes(changes) if old and old["Outputs"] != new["Outputs"] else changes

    return diff
