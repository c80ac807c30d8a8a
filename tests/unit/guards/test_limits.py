"""An environment that grows too big is refused, with what and how much."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from guards import assembly, limits
from guards.assembly import Templates
from guards.synthesis import GuardError, check
from tests.synthesis import Synthesis

PROVIDER = {"Type": "AWS::Lambda::Function", "Properties": {}}


def manifest(provider: str) -> dict[str, Any]:
    token = {"Fn::GetAtt": [provider, "Arn"]}
    return {
        "Type": "Custom::AWSCDK-EKS-KubernetesResource",
        "Properties": {"ServiceToken": token, "Manifest": "[]"},
    }


def templates(resources: Mapping[str, Any]) -> Templates:
    return {"dev-One": {"Resources": resources}}


def test_every_environment_is_within_its_limits(whole: Synthesis) -> None:
    found, written = whole.templates(), assembly.written(whole.folder)
    assert list(found) == whole.environments
    for environment, made in found.items():
        size = limits.size(environment, made, written[environment])
        assert sum(size.resources.values()) > size.custom_resources > 0
        # A part that isn't told apart would eat the platform's budget.
        assert all(size.resources[part] for part in limits.RESOURCES)
        assert size.kubectl_providers == 1
        assert list(size.problems()) == []


def test_an_assembly_is_read_as_it_was_synthesized(synthesis: Synthesis) -> None:
    assert assembly.read(synthesis.folder) == synthesis.templates()


@pytest.mark.parametrize(
    ("resources", "sentence"),
    [
        (
            {str(n): PROVIDER for n in range(131)},
            "dev: 131 resources of the platform; the limit is 130",
        ),
        (
            {f"ChartsDatabase{n}": PROVIDER for n in range(13)},
            "dev: 13 resources of the database; the limit is 12",
        ),
        (
            {str(n): {"Type": "Custom::Thing", "Properties": {}} for n in range(21)},
            "dev: 21 custom resources; the limit is 20",
        ),
        (
            {"a": manifest("one"), "b": manifest("two"), "c": manifest("two")},
            "dev: 2 kubectl providers; the limit is 1",
        ),
    ],
)
def test_what_is_too_big_is_named(resources: Mapping[str, Any], sentence: str) -> None:
    assert list(limits.size("dev", templates(resources), {"dev-One": 1}).problems()) == [sentence]


def test_a_template_counts_as_it_is_written_with_its_spaces(tmp_path: Path) -> None:
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "x"}}
    text = json.dumps(templates({"a": topic})["dev-One"], indent=1)
    folder = _assembly(tmp_path, text + " " * (250_000 - len(text)))
    check(folder, golden=tmp_path / "none")
    (folder / "assembly-dev" / "one.json").write_text(text + " " * (251_000 - len(text)))
    with pytest.raises(GuardError, match="dev-One: a template of 251 kB; the limit is 250 kB"):
        check(folder, golden=tmp_path / "none")


def test_a_provider_that_another_stack_exports_is_one() -> None:
    exported = {"Value": {"Fn::GetAtt": ["one", "Arn"]}, "Export": {"Name": "dev-One:Provider"}}
    imported = manifest("one")
    imported["Properties"]["ServiceToken"] = {"Fn::ImportValue": "dev-One:Provider"}
    found = {
        "dev-One": {"Resources": {"a": manifest("one")}, "Outputs": {"Provider": exported}},
        "dev-Two": {"Resources": {"b": imported}},
    }
    assert limits.size("dev", found, {"dev-One": 1}).kubectl_providers == 1


def test_an_assembly_that_is_too_big_is_refused(tmp_path: Path) -> None:
    many = templates({str(n): PROVIDER for n in range(131)})["dev-One"]
    folder = _assembly(tmp_path, json.dumps(many))
    with pytest.raises(GuardError, match="dev: 131 resources of the platform; the limit is 130"):
        check(folder, golden=tmp_path / "none")


def _assembly(folder: Path, template: str) -> Path:
    """Return a cloud assembly of one stack, dev-One."""
    nested = folder / "assembly-dev"
    nested.mkdir()
    properties = {"stackName": "dev-One", "templateFile": "one.json"}
    artifact = {"type": "aws:cloudformation:stack", "properties": properties}
    (nested / "manifest.json").write_text(json.dumps({"artifacts": {"one": artifact}}))
    (nested / "one.json").write_text(template)
    return folder
