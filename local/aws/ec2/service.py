"""EC2's Query API, called in process: parameters are lists of strings, as a form body is parsed."""

from collections.abc import Iterator, Mapping
from typing import Any

from local.aws import internals
from local.aws.resource_types import Properties

Parameters = dict[str, list[str]]


def ec2() -> Any:
    return internals.module("services.ec2")


def parameters(values: Mapping[str, Any]) -> Parameters:
    """Simple values as request parameters; absent ones are left out."""
    return {name: [text(value)] for name, value in values.items() if value is not None}


def flatten(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """A nested structure as request parameters `A.B.1.C`."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from flatten(f"{name}.{key}", item)
    elif isinstance(value, list):
        singular = name.removesuffix("s")
        for number, item in enumerate(value, start=1):
            yield from flatten(f"{singular}.{number}", item)
    else:
        yield name, text(value)


def text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def apply_tags(identifier: str, new: Properties, old: Properties | None = None) -> None:
    """Bring the tags a template sets to the resource; tags set by CreateTags stay."""
    provisioners = internals.module("services.cloudformation.provisioners")
    provisioners._ec2_apply_tags(identifier, new, old)


def remove_tags(identifier: str) -> None:
    ec2()._tags.pop(identifier, None)
