"""What node groups of every kind become."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from config.environments import PROD, TABLE
from config.node_group import NodeGroup, Taint
from tests.synthesis import Synthesis, Template, references

GENERAL = PROD.cluster.node_groups[0]
BURST = replace(
    GENERAL,
    name="burst",
    instance_types=("t3.large", "m5.large"),
    capacity_type="SPOT",
    min_size=0,
    desired_size=0,
    zonal=False,
)
GRAVITON = replace(
    GENERAL,
    name="graviton",
    instance_types=("m7g.large",),
    ami_type="BOTTLEROCKET_ARM_64",
    disk_gib=50,
    labels={"team": "data"},
    taints=(Taint(key="dedicated", value="data", effect="NO_SCHEDULE"),),
    max_unavailable_percent=50,
    repair=False,
)


@pytest.fixture
def template(synthesis: Synthesis) -> Template:
    return synthesis.template("prod", "Cluster")


def _groups(template: Template) -> list[dict[str, Any]]:
    return [dict(properties) for properties in template.properties("AWS::EKS::Nodegroup")]


def _disks(template: Template) -> list[dict[str, Any]]:
    return [
        mapping
        for properties in template.properties("AWS::EC2::LaunchTemplate")
        for mapping in properties["LaunchTemplateData"]["BlockDeviceMappings"]
    ]


def test_pods_cannot_reach_the_nodes_identity(template: Template) -> None:
    for properties in template.properties("AWS::EC2::LaunchTemplate"):
        options = properties["LaunchTemplateData"]["MetadataOptions"]
        assert options == {"HttpTokens": "required", "HttpPutResponseHopLimit": 1}


def test_nodes_have_private_addresses_only(template: Template) -> None:
    for group in _groups(template):
        subnets = str(group["Subnets"])
        assert "PrivateSubnet" in subnets
        assert "PublicSubnet" not in subnets
    assert "AssociatePublicIpAddress" not in template.text


def test_disks_are_encrypted_with_a_key_that_auto_scaling_can_use(template: Template) -> None:
    (key,) = {next(references(disk["Ebs"]["KmsKeyId"])) for disk in _disks(template)}
    assert all(d["Ebs"]["Encrypted"] and d["Ebs"]["VolumeType"] == "gp3" for d in _disks(template))
    properties = template["Resources"][key]["Properties"]
    assert properties["EnableKeyRotation"] is True
    role = (
        f"arn:aws:iam::{PROD.account}:role/aws-service-role/autoscaling.amazonaws.com/"
        "AWSServiceRoleForAutoScaling"
    )
    of_scaling = [
        statement
        for statement in properties["KeyPolicy"]["Statement"]
        if statement.get("Condition", {}).get("ArnEquals") == {"aws:PrincipalArn": role}
    ]
    allowed = {str(s["Action"]): s["Condition"].get("Bool") for s in of_scaling}
    assert allowed.pop("kms:CreateGrant") == {"kms:GrantIsForAWSResource": "true"}
    (use,) = allowed
    assert "kms:GenerateDataKeyWithoutPlaintext" in use
    assert "kms:Decrypt" in use
    # Whoever is meant by "*" is narrowed by a condition.
    for statement in properties["KeyPolicy"]["Statement"]:
        assert statement["Principal"] != {"AWS": "*"} or statement["Condition"]["ArnEquals"]


def test_the_disks_key_outlives_what_is_protected_only(synthesis: Synthesis) -> None:
    for environment in TABLE.environments:
        keys = synthesis.template(environment.name, "Cluster").resources("AWS::KMS::Key").values()
        (disks,) = (key for key in keys if "Disks" in key["Properties"]["Description"])
        kept = "Retain" if environment.deletion_protection else "Delete"
        assert disks["DeletionPolicy"] == kept, environment.name


def test_what_a_group_starts_is_told_apart_in_a_bill(template: Template) -> None:
    for properties in template.properties("AWS::EC2::LaunchTemplate"):
        specifications = properties["LaunchTemplateData"]["TagSpecifications"]
        kinds = {specification["ResourceType"] for specification in specifications}
        assert kinds == {"instance", "volume", "network-interface"}
        for specification in specifications:
            keys = {tag["Key"] for tag in specification["Tags"]}
            assert keys == {"Name", *PROD.tags}


def test_groups_follow_the_table(synthesis: Synthesis) -> None:
    for environment in TABLE.environments:
        made = [
            (group["CapacityType"], group["ScalingConfig"], group["InstanceTypes"])
            for group in _groups(synthesis.template(environment.name, "Cluster"))
        ]
        wanted = [
            (group.capacity_type, _sizes(group), list(group.instance_types))
            for group in environment.cluster.node_groups
        ]
        assert sorted(made, key=str) == sorted(wanted, key=str)


def _sizes(group: NodeGroup) -> dict[str, int]:
    return {
        "MinSize": group.min_size,
        "DesiredSize": group.desired_size,
        "MaxSize": group.max_size,
    }


def test_a_zonal_group_gives_each_zone_a_share_that_stays_there(tmp_path: Path) -> None:
    zones = len(PROD.network.zones)
    # As many in each zone as are in all of them without.
    many = replace(
        GENERAL,
        zonal=True,
        min_size=GENERAL.min_size * zones,
        desired_size=GENERAL.desired_size * zones,
        max_size=GENERAL.max_size * zones,
    )
    groups_of_both = (many, BURST)
    environment = replace(PROD, cluster=replace(PROD.cluster, node_groups=groups_of_both))
    template = _synthesize(environment, tmp_path)
    groups = {
        name: group["Properties"]
        for name, group in template.resources("AWS::EKS::Nodegroup").items()
        if group["Properties"]["CapacityType"] == "ON_DEMAND"
    }
    subnets = [json.dumps(group["Subnets"]) for group in groups.values()]
    assert len(subnets) == len(set(subnets)) == zones
    for group in groups.values():
        assert len(group["Subnets"]) == 1
        assert group["ScalingConfig"] == _sizes(GENERAL)
    # An update begins in one zone, and goes on when that one is done.
    for earlier, later in pairwise(sorted(groups)):
        assert template.comes_after(later, earlier)
    (burst,) = (g for g in _groups(template) if g["CapacityType"] == "SPOT")
    assert len(burst["Subnets"]) == zones


def test_nodes_are_upgraded_with_the_control_plane_and_budgets_hold(template: Template) -> None:
    version = template.only("AWS::EKS::Cluster")["Version"]
    for group in _groups(template):
        assert group["Version"] == version
        assert group["ForceUpdateEnabled"] is False
        assert group["UpdateConfig"] == {"MaxUnavailablePercentage": 33}
        assert group["NodeRepairConfig"] == {"Enabled": True}
        # A named group can't be replaced.
        assert "NodegroupName" not in group


def test_a_group_of_another_kind_is_a_few_lines_of_config(tmp_path: Path) -> None:
    environment = replace(PROD, cluster=replace(PROD.cluster, node_groups=(GENERAL, GRAVITON)))
    template = _synthesize(environment, tmp_path)
    (group,) = (g for g in _groups(template) if "ARM" in g["AmiType"])
    assert group["AmiType"] == "BOTTLEROCKET_ARM_64"
    assert group["InstanceTypes"] == ["m7g.large"]
    assert group["Labels"] == {"team": "data"}
    assert group["Taints"] == [{"Key": "dedicated", "Value": "data", "Effect": "NO_SCHEDULE"}]
    assert group["UpdateConfig"] == {"MaxUnavailablePercentage": 50}
    assert group["NodeRepairConfig"] == {"Enabled": False}
    # Bottlerocket keeps containers apart from itself, and both disks are encrypted.
    sizes = {disk["DeviceName"]: disk["Ebs"]["VolumeSize"] for disk in _disks(template)}
    assert sizes == {"/dev/xvda": 4, "/dev/xvdb": 50}
    assert all(disk["Ebs"]["Encrypted"] for disk in _disks(template))


def test_every_group_has_the_node_role_of_its_cluster(template: Template) -> None:
    roles = {next(references(properties["NodeRole"])) for properties in _groups(template)}
    assert len(roles) == 1
    (role,) = roles
    arns = str(template["Resources"][role]["Properties"]["ManagedPolicyArns"])
    # The VPC CNI has a role of its own.
    assert "AmazonEKS_CNI_Policy" not in arns


def _synthesize(environment: Any, folder: Path) -> Template:
    table = replace(TABLE, environments=(environment,))
    return Synthesis(table, folder).template(environment.name, "Cluster")
