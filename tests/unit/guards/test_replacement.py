"""What holds data is neither replaced nor dropped by an update without somebody's word."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from guards.assembly import Templates
from guards.replacement import Update
from guards.schemas import create_only, holding_data
from guards.synthesis import GOLDEN, templates_in
from tests.releases import released
from tests.synthesis import Synthesis

Change = Callable[[Any], None]


@pytest.fixture
def golden() -> Templates:
    return templates_in(GOLDEN)["prod"]


def _of(template: Any, kind: str) -> str:
    return next(str(n) for n, r in template["Resources"].items() if r["Type"] == kind)


def _renamed(kind: str, stack: str) -> Change:
    def change(templates: Any) -> None:
        resources = templates[stack]["Resources"]
        name = _of(templates[stack], kind)
        resources[f"{name}2"] = resources.pop(name)

    return change


def _set(kind: str, stack: str, **properties: Any) -> Change:
    def change(templates: Any) -> None:
        resource = templates[stack]["Resources"][_of(templates[stack], kind)]
        resource["Properties"].update(properties)

    return change


def test_the_update_to_this_synthesis_loses_nothing(synthesis: Synthesis) -> None:
    kept = templates_in(GOLDEN)
    for environment, templates in synthesis.templates().items():
        assert list(Update(kept[environment], templates).problems()) == []


def test_the_update_from_the_last_release_loses_nothing(synthesis: Synthesis) -> None:
    before = released()
    for environment, templates in synthesis.templates().items():
        assert list(Update(before.get(environment, {}), templates).problems()) == []


@pytest.mark.parametrize(
    ("change", "stack", "why"),
    [
        (_renamed("AWS::S3::Bucket", "prod-Backup"), "prod-Backup", "no longer in the template"),
        (_renamed("AWS::KMS::Key", "prod-Backup"), "prod-Backup", "no longer in the template"),
        (_renamed("AWS::EKS::Cluster", "prod-Cluster"), "prod-Cluster", "no longer in the"),
        (lambda t: t.pop("prod-Backup"), "prod-Backup", "no longer in the template"),
        (_set("AWS::S3::Bucket", "prod-Backup", BucketName="b"), "prod-Backup", "its BucketName"),
        (_set("AWS::EKS::Cluster", "prod-Cluster", Name="p"), "prod-Cluster", "its Name changes"),
        (
            _set("AWS::EKS::Cluster", "prod-Cluster", EncryptionConfig=[]),
            "prod-Cluster",
            "its EncryptionConfig changes, which replaces it",
        ),
    ],
)
def test_a_loss_is_told_with_its_reason(
    golden: Templates, change: Change, stack: str, why: str
) -> None:
    new = copy.deepcopy(golden)
    change(new)
    problems = list(Update(golden, new).problems())
    assert problems
    assert all(p.startswith(f"{stack}: ") and "holds data, and it" in p for p in problems)
    assert any(why in p for p in problems)


def test_what_is_replaced_takes_along_what_cannot_change_without_it(golden: Templates) -> None:
    new = copy.deepcopy(golden)
    cluster = new["prod-Cluster"]["Resources"][_of(new["prod-Cluster"], "AWS::EKS::Cluster")]
    role = cluster["Properties"]["RoleArn"]["Fn::GetAtt"][0]
    new["prod-Cluster"]["Resources"][role]["Properties"]["RoleName"] = "named"
    (problem,) = Update(golden, new).problems()
    assert f"its RoleArn refers to {role}, which is replaced" in problem


def test_what_comes_by_an_export_counts_too() -> None:
    def stacks(name: str) -> Templates:
        network = {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": name}}
        output = {"Value": {"Ref": "Vpc"}, "Export": {"Name": "dev-One:Vpc"}}
        table = {
            "Type": "AWS::Cognito::UserPool",
            "Properties": {"UserPoolName": {"Fn::ImportValue": "dev-One:Vpc"}},
        }
        files = {
            "Type": "AWS::EFS::FileSystem",
            "Properties": {"AvailabilityZoneName": {"Fn::ImportValue": "dev-One:Vpc"}},
        }
        return {
            "dev-One": {"Resources": {"Vpc": network}, "Outputs": {"Vpc": output}},
            "dev-Two": {"Resources": {"Pool": table, "Files": files}},
        }

    (problem,) = Update(stacks("10.0.0.0/16"), stacks("10.1.0.0/16")).problems()
    assert problem.startswith("dev-Two: Files")
    assert "refers to Vpc, which is replaced" in problem


def test_what_changes_in_place_is_fine(golden: Templates) -> None:
    new = copy.deepcopy(golden)
    _set("AWS::EKS::Cluster", "prod-Cluster", Version="1.36")(new)
    _set("AWS::S3::Bucket", "prod-Backup", Tags=[])(new)
    _renamed("AWS::CloudWatch::Dashboard", "prod-Observability")(new)
    assert list(Update(golden, new).problems()) == []


def test_log_groups_that_go_with_their_stack_hold_nothing(golden: Templates) -> None:
    new = copy.deepcopy(golden)
    _renamed("AWS::Logs::LogGroup", "prod-Network")(new)
    assert list(Update(golden, new).problems()) == []
    old = copy.deepcopy(golden)
    resources: Any = old["prod-Network"]["Resources"]
    resources[_of(old["prod-Network"], "AWS::Logs::LogGroup")]["DeletionPolicy"] = "Retain"
    assert list(Update(old, new).problems())


def test_kubernetes_objects_that_hold_data_stay_in_their_manifest() -> None:
    def applied(*objects: dict[str, Any]) -> Templates:
        text = json.dumps([*objects, {"kind": "ConfigMap", "metadata": {"name": "NAME"}}])
        before, after = text.split("NAME")
        joined = {"Fn::Join": ["", [before, {"Ref": "Subnet"}, after]]}
        resource = {
            "Type": "Custom::AWSCDK-EKS-KubernetesResource",
            "Properties": {"Manifest": joined},
        }
        return {"dev-One": {"Resources": {"Applied": resource}}}

    space = {"kind": "Namespace", "metadata": {"name": "web"}}
    claim = {"kind": "PersistentVolumeClaim", "metadata": {"namespace": "web", "name": "data"}}
    deployment = {"kind": "Deployment", "metadata": {"namespace": "web", "name": "web"}}
    old = applied(space, claim, deployment)
    assert list(Update(old, applied(claim, space)).problems()) == []
    (problem,) = Update(old, applied(space, deployment)).problems()
    assert "it would no longer hold PersistentVolumeClaim/web/data" in problem
    (problem,) = Update(old, {"dev-One": {"Resources": {}}}).problems()
    assert "no longer in the template" in problem


def test_what_somebody_accepted_may_go(golden: Templates) -> None:
    new = copy.deepcopy(golden)
    name = _of(golden["prod-Backup"], "AWS::S3::Bucket")
    _renamed("AWS::S3::Bucket", "prod-Backup")(new)
    assert list(Update(golden, new).problems({f"prod-Backup/{name}": "moved by hand"})) == []


def test_the_schemas_know_what_replaces_and_what_holds_data() -> None:
    assert "BucketName" in create_only("AWS::S3::Bucket")
    assert "KubernetesNetworkConfig.ServiceIpv4Cidr" in create_only("AWS::EKS::Cluster")
    assert "InstanceTenancy" in create_only("AWS::EC2::VPC")
    assert create_only("Custom::Anything") == frozenset()
    assert {"AWS::S3::Bucket", "AWS::KMS::Key", "AWS::EKS::Cluster"} <= holding_data()
