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

RESOURCE_POLICIES: Mapping[str, str] = {
    "AWS::KMS::Key": "KeyPolicy",
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::SNS::TopicPolicy": "PolicyDocument",
    "AWS::SQS::QueuePolicy": "PolicyDocument",
    "AWS::SecretsManager::ResourcePolicy": "ResourcePolicy",
    "AWS::ECR::Repository": "RepositoryPolicyText",
    "AWS::EC2::VPCEndpoint": "PolicyDocument",
}
"""Where a resource says itself who may use it."""


class Grant(NamedTuple):
    """An Allow statement of a policy, and where it stands."""

    stack: str
    policy: str
    """Logical id of the resource that holds the statement."""
    statement: Mapping[str, Any]
    kind: str
    """The type of that resource."""

    @property
    def where(self) -> str:
        return f"{self.stack} {self.policy}"

    @property
    def actions(self) -> Sequence[str]:
        return listed(self.statement.get("Action", []))

    @property
    def resources(self) -> Sequence[Any]:
        return listed(self.statement.get("Resource", []))

    @property
    def is_for_everybody(self) -> bool:
        return self.statement.get("Principal") in ("*", {"AWS": "*"})

    @property
    def leaves_a_key_to_iam(self) -> bool:
        """Whether the account's own policies decide, without whom nobody could change the key."""
        of_account = ':root"' in json.dumps(self.statement.get("Principal"))
        return self.kind == "AWS::KMS::Key" and of_account and self.actions == ["kms:*"]


def grants(stack: str, template: Template) -> Iterator[Grant]:
    """Yield what the policies of identities in a template allow."""
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        documents = [policy["PolicyDocument"] for policy in properties.get("Policies", ())]
        if resource["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            documents.append(properties["PolicyDocument"])
        for document in documents:
            yield from _allowed(stack, name, document, resource["Type"])


def resource_grants(stack: str, template: Template) -> Iterator[Grant]:
    """Yield what the policies of resources in a template allow."""
    for name, resource in template["Resources"].items():
        document = resource.get("Properties", {}).get(RESOURCE_POLICIES.get(resource["Type"], "-"))
        if document:
            yield from _allowed(stack, name, document, resource["Type"])


def _allowed(stack: str, name: str, document: Mapping[str, Any], kind: str) -> Iterator[Grant]:
    for statement in listed(document["Statement"]):
        if statement["Effect"] == "Allow":
            yield Grant(stack, name, statement, kind)


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
