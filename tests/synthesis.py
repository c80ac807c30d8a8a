"""One synthesis, read by every test that looks at templates."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import app
from config.model import Table
from config.pipeline import Pipeline
from guards.assembly import Templates
from local.paths import ROOT

Resource = Mapping[str, Any]


class Template(Mapping[str, Any]):
    """A stack's template, with look-ups by type."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._content = content

    def __getitem__(self, key: str) -> Any:
        return self._content[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._content)

    def __len__(self) -> int:
        return len(self._content)

    @property
    def text(self) -> str:
        return json.dumps(self._content)

    def resources(self, kind: str) -> Mapping[str, Resource]:
        """Return the resources of a type by logical id."""
        found = self._content["Resources"].items()
        return {name: resource for name, resource in found if resource["Type"] == kind}

    def properties(self, kind: str) -> list[Mapping[str, Any]]:
        """Return the properties of each resource of a type."""
        return [resource.get("Properties", {}) for resource in self.resources(kind).values()]

    def only(self, kind: str) -> Mapping[str, Any]:
        """Return the properties of the one resource of a type."""
        (properties,) = self.properties(kind)
        return properties

    def comes_after(self, later: str, earlier: str) -> bool:
        """Say whether CloudFormation makes one resource after the other, directly or not."""
        seen: set[str] = set()
        ahead = {later}
        while ahead:
            name = ahead.pop()
            seen.add(name)
            ahead |= self._needs(name) - seen
        return earlier in seen - {later}

    def _needs(self, name: str) -> set[str]:
        resource = self._content["Resources"][name]
        depends = resource.get("DependsOn", [])
        named = {depends} if isinstance(depends, str) else set(depends)
        return named | (set(references(resource.get("Properties", {}))) & set(self["Resources"]))


def references(value: Any) -> Iterator[str]:
    """Yield the logical ids that a value refers to by Ref or Fn::GetAtt."""
    if isinstance(value, dict):
        if isinstance(value.get("Ref"), str):
            yield value["Ref"]
        if isinstance(value.get("Fn::GetAtt"), list):
            yield value["Fn::GetAtt"][0]
        for part in value.values():
            yield from references(part)
    elif isinstance(value, list):
        for part in value:
            yield from references(part)


class Synthesis:
    """What a table of environments becomes: templates by environment and stack.

    Raises GuardError where `make synth` would refuse the table.
    """

    def __init__(self, table: Table, output: Path, pipeline: Pipeline | None = None) -> None:
        self.folder = output
        context = json.loads((ROOT / "cdk.json").read_text())["context"]
        self._assembly = app.synthesize(
            table, output=str(output), context=context, pipeline=pipeline
        )
        self.environments = [environment.name for environment in table.environments]

    def stacks(self, environment: str) -> list[Any]:
        return list(self._assembly.get_nested_assembly(f"assembly-{environment}").stacks)

    def template(self, environment: str, stack: str) -> Template:
        """Return the template of a stack such as "Network"."""
        name = f"{environment}-{stack}"
        (found,) = (s for s in self.stacks(environment) if s.stack_name == name)
        return Template(json.loads(Path(found.template_full_path).read_text()))

    def templates(self) -> Mapping[str, Templates]:
        """Return all templates by environment and stack name, as the guards take them."""
        return {
            environment: {
                stack.stack_name: json.loads(Path(stack.template_full_path).read_text())
                for stack in self.stacks(environment)
            }
            for environment in self.environments
        }

    def all(self) -> Iterator[tuple[str, Template]]:
        """Yield each template with its stack's name."""
        for environment in self.environments:
            for stack in self.stacks(environment):
                template = json.loads(Path(stack.template_full_path).read_text())
                yield stack.stack_name, Template(template)


def manifests(template: Template) -> list[dict[str, Any]]:
    """Return the Kubernetes objects that a template applies, references made plain."""
    found = []
    for properties in template.properties("Custom::AWSCDK-EKS-KubernetesResource"):
        found += json.loads(plain(properties["Manifest"]))
    return found


def plain(value: Any) -> str:
    """Return a joined string with a stand-in for each reference in it."""
    if isinstance(value, str):
        return value
    separator, parts = value["Fn::Join"]
    return str(separator).join(p if isinstance(p, str) else "<reference>" for p in parts)
