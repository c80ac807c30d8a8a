"""Node groups: their nodes follow, and a new version comes alone."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.clusters import FULL, Cluster, arn, node_group, template
from tests.local_aws.support import ACCOUNT, StackFailedError, eventually, role


def test_nodes_follow_their_group(full: Cluster) -> None:
    def nodes() -> list[dict[str, Any]]:
        return list(full.kubectl("get", "nodes", "-o", "json")["items"])

    assert len(nodes()) == 2
    assert {node["metadata"]["labels"]["role"] for node in nodes()} == {"general"}
    assert "dedicated" in [taint["key"] for taint in nodes()[0]["spec"]["taints"]]
    full.account.update(full.stack, {**FULL, "Nodes": node_group(3, tier="one")})
    assert len(nodes()) == 3
    assert {node["metadata"]["labels"].get("tier") for node in nodes()} == {"one"}
    full.account.update(full.stack, FULL)
    assert len(nodes()) == 2
    assert {node["metadata"]["labels"].get("tier") for node in nodes()} == {None}


def _group(cluster: Cluster) -> dict[str, Any]:
    name = cluster.account.resource(cluster.stack, "Nodes").split("/")[1]
    found = cluster.account.client("eks").describe_nodegroup(
        clusterName=cluster.name, nodegroupName=name
    )
    return dict(found["nodegroup"])


@pytest.mark.parametrize(
    "change",
    [
        {"Template": template(40), "Nodes": node_group(3)},
        {"Template": template(40), "Nodes": node_group(2, tier="one")},
        {
            "Nodes": {
                **node_group(2),
                "Properties": {
                    **node_group(2)["Properties"],
                    "ReleaseVersion": "1.35.0-20260101",
                    "Tags": {"team": "one"},
                },
            }
        },
    ],
    ids=["template and size", "template and labels", "release and tags"],
)
def test_a_new_version_of_a_node_group_comes_alone(full: Cluster, change: dict[str, Any]) -> None:
    before = _group(full)
    refusal = "Version and ReleaseVersion updates cannot be combined with other updates"
    with pytest.raises(StackFailedError, match=refusal):
        full.account.update(full.stack, {**FULL, **change})
    after = _group(full)
    for member in ("scalingConfig", "labels", "releaseVersion", "tags"):
        assert after[member] == before[member]


def test_a_new_launch_template_alone_reaches_the_node_group(full: Cluster) -> None:
    before = int(_group(full)["launchTemplate"]["version"])
    full.account.update(full.stack, {**FULL, "Template": template(60)})
    after = int(_group(full)["launchTemplate"]["version"])
    full.account.update(full.stack, FULL)
    assert after > before


def _nodes(cluster: Cluster) -> list[dict[str, Any]]:
    return list(cluster.kubectl("get", "nodes", "-o", "json")["items"])


def _with_disk_key(*statements: dict[str, Any]) -> dict[str, Any]:
    """The cluster with a group whose disks have a key of that policy."""
    root = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    allowed = {"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [allowed, *statements]}
    disk = {"VolumeSize": 20, "Encrypted": True, "KmsKeyId": arn("DiskKey")}
    data = {"BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": disk}]}
    other = node_group(1)
    other["Properties"] |= {
        "LaunchTemplate": {
            "Id": {"Ref": "Encrypted"},
            "Version": {"Fn::GetAtt": ["Encrypted", "LatestVersionNumber"]},
        }
    }
    return {
        **FULL,
        "DiskKey": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": policy}},
        "Encrypted": {
            "Type": "AWS::EC2::LaunchTemplate",
            "Properties": {"LaunchTemplateData": data},
        },
        "Others": other,
    }


SCALING: dict[str, Any] = {
    "Effect": "Allow",
    "Principal": {"AWS": "*"},
    "Action": ["kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:Decrypt"],
    "Resource": "*",
    "Condition": {
        "ArnEquals": {
            "aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/"
            "autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
        }
    },
}
GRANTING = {
    **SCALING,
    "Action": "kms:CreateGrant",
    "Condition": {**SCALING["Condition"], "Bool": {"kms:GrantIsForAWSResource": "true"}},
}


@pytest.mark.parametrize(
    ("statements", "missing"), [([], "kms:DescribeKey"), ([SCALING], "kms:CreateGrant")]
)
def test_no_node_starts_with_a_key_that_auto_scaling_may_not_use(
    full: Cluster, statements: list[dict[str, Any]], missing: str
) -> None:
    refusal = f"AWSServiceRoleForAutoScaling may not call {missing}"
    with pytest.raises(StackFailedError, match=refusal):
        full.account.update(full.stack, _with_disk_key(*statements))
    assert len(_nodes(full)) == 2


def test_nodes_start_with_a_key_that_auto_scaling_may_use(full: Cluster) -> None:
    full.account.update(full.stack, _with_disk_key(SCALING, GRANTING))
    assert len(_nodes(full)) == 3
    full.account.update(full.stack, FULL)
    assert len(_nodes(full)) == 2


def test_the_autoscaler_finds_the_group_by_the_tags_that_eks_sets(full: Cluster) -> None:
    scaling = full.account.client("autoscaling")

    def shown() -> Any:
        (name,) = (g["name"] for g in _group(full)["resources"]["autoScalingGroups"])
        (found,) = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])[
            "AutoScalingGroups"
        ]
        return found

    tags = {tag["Key"]: tag["Value"] for tag in shown()["Tags"]}
    assert tags["k8s.io/cluster-autoscaler/enabled"] == "true"
    assert tags[f"k8s.io/cluster-autoscaler/{full.name}"] == "owned"
    assert (shown()["MinSize"], shown()["DesiredCapacity"], shown()["MaxSize"]) == (1, 2, 4)
    full.account.update(full.stack, {**FULL, "Nodes": node_group(1)})
    assert shown()["DesiredCapacity"] == 1
    full.account.update(full.stack, FULL)


@pytest.mark.parametrize("by", ["subnet", "launch template"])
def test_an_instance_has_a_public_address_where_somebody_asked_for_one(
    full: Cluster, by: str
) -> None:
    def public() -> list[str]:
        reservations = full.account.client("ec2").describe_instances()["Reservations"]
        return [
            instance["SubnetId"]
            for reservation in reservations
            for instance in reservation["Instances"]
            if instance.get("PublicIpAddress")
        ]

    assert public() == []
    subnet = {**FULL["SubnetA"]["Properties"], "CidrBlock": "10.0.9.0/24"}
    subnet["MapPublicIpOnLaunch"] = by == "subnet"
    group = node_group(1)
    group["Properties"]["Subnets"] = [{"Ref": "Open"}]
    opened = template(20)
    if by == "launch template":
        interface = {"DeviceIndex": 0, "AssociatePublicIpAddress": True}
        opened["Properties"]["LaunchTemplateData"]["NetworkInterfaces"] = [interface]
    group["Properties"]["LaunchTemplate"] = {
        "Id": {"Ref": "Opened"},
        "Version": {"Fn::GetAtt": ["Opened", "LatestVersionNumber"]},
    }
    more = {
        "Open": {"Type": "AWS::EC2::Subnet", "Properties": subnet},
        "Opened": opened,
        "Others": group,
    }
    full.account.update(full.stack, {**FULL, **more})
    found = public()
    full.account.update(full.stack, FULL)
    assert found
    assert public() == []


def test_an_autoscaler_moves_the_group_that_its_policy_names_by_tag(full: Cluster) -> None:
    def caller(cluster: str) -> dict[str, Any]:
        tag = f"aws:ResourceTag/k8s.io/cluster-autoscaler/{cluster}"
        allowed = {"Action": "autoscaling:SetDesiredCapacity", "Resource": "*"}
        return role("account", {**allowed, "Condition": {"StringEquals": {tag: "owned"}}})

    (name,) = (g["name"] for g in _group(full)["resources"]["autoScalingGroups"])
    roles = {"Mine": caller(full.name), "Other": caller("other")}
    with full.account.stack(roles) as stack:
        mine, other = (
            full.account.assume(full.account.resource(stack, who)).client("autoscaling")
            for who in roles
        )
        with pytest.raises(ClientError, match="AccessDenied"):
            other.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=3)
        with pytest.raises(ClientError, match="9 is above max value 4"):
            mine.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=9)
        mine.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=3)
        eventually("a third node", lambda: len(_nodes(full)) == 3)
        assert _group(full)["scalingConfig"]["desiredSize"] == 3
        mine.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=2)
        eventually("two nodes again", lambda: len(_nodes(full)) == 2)


def test_a_mixed_group_holds_what_its_smallest_holds_and_keeps_that_limit(full: Cluster) -> None:
    mixed = node_group(2)
    mixed["Properties"] |= {"InstanceTypes": ["t3.medium", "t3.small"], "CapacityType": "SPOT"}
    full.account.update(full.stack, {**FULL, "Spot": mixed})

    def spot() -> list[dict[str, Any]]:
        label = "eks.amazonaws.com/capacityType"
        return [n for n in _nodes(full) if n["metadata"]["labels"][label] == "SPOT"]

    def places() -> set[str]:
        return {node["status"]["allocatable"]["pods"] for node in spot()}

    assert places() == {"11"}
    types = {n["metadata"]["labels"]["node.kubernetes.io/instance-type"] for n in spot()}
    assert types == {"t3.medium", "t3.small"}
    # Set after the nodes, prefix delegation leaves them and the group's later ones the old limit.
    values = '{"env": {"ENABLE_PREFIX_DELEGATION": "true"}}'
    cni = {**FULL["Networking"]["Properties"], "ConfigurationValues": values}
    prefixes = {**FULL, "Networking": {**FULL["Networking"], "Properties": cni}}
    larger = {**mixed, "Properties": {**mixed["Properties"]}}
    larger["Properties"]["ScalingConfig"] = {"MinSize": 1, "MaxSize": 4, "DesiredSize": 3}
    full.account.update(full.stack, {**prefixes, "Spot": larger})
    assert len(spot()) == 3
    assert places() == {"11"}
    full.account.update(full.stack, FULL)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"InstanceTypes": ["t4g.medium"]}, "is not a valid instance type for requested amiType"),
        ({"AmiType": "WINDOWS_CORE_2022_x86_64"}, "WINDOWS_CORE_2022_x86_64 is not emulated"),
        ({"UpdateConfig": {"MaxUnavailablePercentage": 101}}, "must be 1 to 100, not 101"),
        (
            {"UpdateConfig": {"MaxUnavailable": 1, "MaxUnavailablePercentage": 33}},
            "either maxUnavailable or maxUnavailablePercentage",
        ),
    ],
)
def test_a_group_that_eks_would_refuse_is_refused(
    full: Cluster, changes: dict[str, Any], words: str
) -> None:
    odd = node_group(1)
    odd["Properties"] |= changes
    with pytest.raises(StackFailedError, match=words):
        full.account.update(full.stack, {**FULL, "Odd": odd})
