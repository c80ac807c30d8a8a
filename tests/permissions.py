"""What templates let whom do, judged by AWS's service authorization reference.

cfn-lint carries that reference: which actions there are, and which kinds of resources each is for.
"""

import fnmatch
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from tests.synthesis import Template


class Grant(NamedTuple):
    """An Allow statement of a policy that some identity has, and where it stands."""

    stack: str
    policy: str
    """Logical id of the policy or role that holds the statement."""
    statement: Mapping[str, Any]

    @property
    def actions(self) -> Sequence[str]:
        return listed(self.statement.get("Action", []))

    @property
    def resources(self) -> Sequence[Any]:
        return listed(self.statement.get("Resource", []))


def grants(stack: str, template: Template) -> Iterator[Grant]:
    """Yield what the policies of identities in a template allow."""
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        documents = [policy["PolicyDocument"] for policy in properties.get("Policies", ())]
        if resource["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            documents.append(properties["PolicyDocument"])
        for document in documents:
            for statement in listed(document["Statement"]):
                if statement["Effect"] == "Allow":
                    yield Grant(stack, name, statement)


def takes_no_resource(action: str) -> bool:
    """Say whether an action, or each that a pattern stands for, can only be allowed on `*`."""
    found = matching(action)
    return bool(found) and not any(resources for _, resources in found)


def matching(action: str) -> list[tuple[str, Sequence[str]]]:
    """Return the actions that a pattern stands for, lower case, with the kinds they are for."""
    service, _, pattern = action.lower().partition(":")
    actions = _reference().get(service, {}).get("Actions", {})
    return [
        (f"{service}:{name}", kinds.get("Resources", []))
        for name, kinds in actions.items()
        if fnmatch.fnmatchcase(name, pattern)
    ]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@cache
def _reference() -> Mapping[str, Any]:
    text = (files("cfnlint") / "data" / "AdditionalSpecs" / "Policies.json").read_text()
    found: Mapping[str, Any] = json.loads(text)
    return found
