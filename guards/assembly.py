"""The templates of a synthesis by environment and stack, as plain data."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Template = Mapping[str, Any]
Templates = Mapping[str, Template]
"""An environment's templates by stack name, such as "dev-Network"."""


def read(folder: Path) -> Mapping[str, Templates]:
    """Return the templates of a cloud assembly by environment."""
    return {environment: outside(nested) for environment, nested in _environments(folder)}


def written(folder: Path) -> Mapping[str, Mapping[str, int]]:
    """Return how many bytes each template has as it is uploaded, by environment and stack."""
    return {
        environment: {stack: file.stat().st_size for stack, file in _files(nested)}
        for environment, nested in _environments(folder)
    }


def outside(folder: Path) -> Templates:
    """Return the templates of a cloud assembly that are no environment's: the pipeline's."""
    return {stack: json.loads(file.read_text()) for stack, file in _files(folder)}


def _environments(folder: Path) -> Iterator[tuple[str, Path]]:
    for nested in sorted(folder.glob("assembly-*")):
        yield nested.name.removeprefix("assembly-"), nested


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    artifacts = json.loads((folder / "manifest.json").read_text())["artifacts"]
    for name, artifact in artifacts.items():
        if artifact["type"] == "aws:cloudformation:stack":
            properties = artifact["properties"]
            yield properties.get("stackName", name), folder / properties["templateFile"]


def resources(templates: Templates) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield the stack, the logical id and the definition of each resource."""
    for stack, template in templates.items():
        for name, resource in template.get("Resources", {}).items():
            yield stack, name, resource


def exports(templates: Templates) -> Mapping[str, tuple[str, Any]]:
    """Return what stacks export, by its name: the stack, and the value in its own terms."""
    return {
        output["Export"]["Name"]: (stack, output["Value"])
        for stack, template in templates.items()
        for output in template.get("Outputs", {}).values()
        if isinstance(output.get("Export", {}).get("Name"), str)
    }


def references(
    value: Any, stack: str, exported: Mapping[str, tuple[str, Any]]
) -> Iterator[tuple[str, str]]:
    """Yield the (stack, logical id) that a value refers to, through exports too."""
    if isinstance(value, list):
        for part in value:
            yield from references(part, stack, exported)
    elif isinstance(value, dict):
        if isinstance(value.get("Ref"), str):
            yield stack, value["Ref"]
        if isinstance(value.get("Fn::GetAtt"), list):
            yield stack, value["Fn::GetAtt"][0]
        imported = value.get("Fn::ImportValue")
        if isinstance(imported, str) and imported in exported:
            owner, original = exported[imported]
            yield from references(original, owner, exported)
        for part in value.values():
            yield from references(part, stack, exported)
