"""What CloudFormation would do to an environment that stands, by change sets that nobody executes.

A change set from what stands to what was released tells the same as the other way round: a property
that replaces a resource replaces it in both, and what one adds the other removes.
"""

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from guards.assembly import Templates, resources
from guards.replacement import Update, holds_data
from tests.local.machine import Machine
from tests.releases import released
from tests.synthesis import Synthesis

_DATA = ("AWS::S3::Bucket", "AWS::KMS::Key", "AWS::EKS::Cluster")


def _lost(dev: Machine, templates: Templates, standing: Templates) -> set[str]:
    """Return what would be replaced, added or removed although it holds data, as stack/id."""
    holders = {
        f"{stack}/{name}"
        for found in (templates, standing)
        for stack, name, resource in resources(found)
        if holds_data(resource)
    }
    changed = {
        f"{stack}/{name}"
        for stack, template in templates.items()
        for name in _not_living_on(list(_changes(dev, stack, template)))
    }
    return holders & changed


def _not_living_on(changes: Sequence[Mapping[str, Any]]) -> set[str]:
    """Return the logical ids of what comes, goes or is replaced.

    CloudFormation calls a replacement conditional when a create-only property refers to something
    that changes: it comes to it only if that is replaced. And that of a custom resource, which is
    its handler's word: CDK's keep what they changed.
    """
    found = {c["LogicalResourceId"] for c in changes if c["Action"] != "Modify"}
    while True:
        more = {
            change["LogicalResourceId"]
            for change in changes
            for detail in change["Details"]
            if detail["Target"]["RequiresRecreation"] in _replacing(change["ResourceType"])
            and (
                detail["Evaluation"] == "Static"
                or detail.get("CausingEntity", "").partition(".")[0] in found
            )
        }
        if more <= found:
            return found
        found |= more


def _replacing(kind: str) -> Sequence[str]:
    return ["Always"] if kind.startswith("Custom::") else ["Always", "Conditionally"]


def _changes(dev: Machine, stack: str, template: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the changes of a change set from what stands to a template; nothing is executed."""
    cloudformation, s3 = dev.client("cloudformation"), dev.client("s3")
    bucket, name = f"cdk-hnb659fds-assets-{dev.target.environment.account}-eu-central-1", "test"
    s3.put_object(Bucket=bucket, Key="test.json", Body=json.dumps(template).encode())
    cloudformation.create_change_set(
        StackName=stack,
        ChangeSetName=name,
        TemplateURL=f"{dev.target.endpoint}/{bucket}/test.json",
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    try:
        pages = cloudformation.get_paginator("describe_change_set")
        for page in pages.paginate(StackName=stack, ChangeSetName=name):
            for change in page["Changes"]:
                yield change["ResourceChange"]
    finally:
        cloudformation.delete_change_set(StackName=stack, ChangeSetName=name)
        s3.delete_object(Bucket=bucket, Key="test.json")


def test_an_update_from_the_last_release_keeps_what_holds_data(
    dev: Machine, synthesis: Synthesis
) -> None:
    new = synthesis.templates()["dev"]
    old = {stack: t for stack, t in released()["dev"].items() if stack in new}
    assert _lost(dev, old, new) == set()


@pytest.mark.parametrize("kind", _DATA)
def test_a_new_construct_id_would_lose_data_and_the_guard_says_the_same(
    dev: Machine, synthesis: Synthesis, kind: str
) -> None:
    standing = synthesis.templates()["dev"]
    stack, name = next((s, n) for s, n, r in resources(standing) if r["Type"] == kind)
    # A name that nothing refers to, or the template would not be valid.
    text = json.dumps(standing[stack]).replace(f'"{name}"', f'"{name}2"')
    changed = {stack: json.loads(text)}
    lost = _lost(dev, changed, {stack: standing[stack]})
    assert {f"{stack}/{name}", f"{stack}/{name}2"} <= lost
    problems = list(Update({stack: standing[stack]}, changed).problems())
    assert any(problem.startswith(f"{stack}: {name} ") for problem in problems)


@pytest.mark.parametrize(
    ("kind", "properties", "replaces"),
    [
        ("AWS::S3::Bucket", {"BucketName": "another"}, True),
        ("AWS::S3::Bucket", {"VersioningConfiguration": {"Status": "Suspended"}}, False),
        ("AWS::EKS::Cluster", {"Name": "another"}, True),
        ("AWS::EKS::Cluster", {"DeletionProtection": True}, False),
        ("AWS::KMS::Key", {"Description": "another"}, False),
    ],
)
def test_a_changed_property_replaces_here_what_the_schemas_say(
    dev: Machine,
    synthesis: Synthesis,
    kind: str,
    properties: Mapping[str, Any],
    replaces: bool,
) -> None:
    standing = synthesis.templates()["dev"]
    stack, name = next((s, n) for s, n, r in resources(standing) if r["Type"] == kind)
    changed = {stack: copy.deepcopy(standing[stack])}
    changed[stack]["Resources"][name]["Properties"].update(properties)
    lost = _lost(dev, changed, {stack: standing[stack]})
    assert lost == ({f"{stack}/{name}"} if replaces else set())
    assert bool(list(Update({stack: standing[stack]}, changed).problems())) is replaces
