"""What boto3 sees in the account after a deploy."""

import json

import pytest

from tests.local.machine import Machine


@pytest.mark.parametrize("stack", ["Network", "Cluster", "Backup", "Workloads"])
def test_stack_stands(dev: Machine, stack: str) -> None:
    assert dev.stack(stack)["StackStatus"] in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}


def test_nothing_that_a_template_asks_for_was_ignored(dev: Machine) -> None:
    assert dev.emulator.audit.read_text() == ""


def test_network_has_private_subnets_behind_one_nat_gateway(dev: Machine) -> None:
    ec2 = dev.client("ec2")
    (vpc,) = (v for v in ec2.describe_vpcs()["Vpcs"] if v["CidrBlock"] == "10.10.0.0/16")
    mine = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    subnets = ec2.describe_subnets(Filters=mine)["Subnets"]
    assert sorted(s["AvailabilityZone"] for s in subnets) == [
        "eu-central-1a",
        "eu-central-1a",
        "eu-central-1b",
        "eu-central-1b",
    ]
    assert not any(s["MapPublicIpOnLaunch"] for s in subnets)
    (gateway,) = ec2.describe_nat_gateways()["NatGateways"]
    assert gateway["State"] == "available"
    (flow_log,) = ec2.describe_flow_logs()["FlowLogs"]
    assert flow_log["ResourceId"] == vpc["VpcId"]
    (default,) = ec2.describe_security_groups(
        Filters=[*mine, {"Name": "group-name", "Values": ["default"]}]
    )["SecurityGroups"]
    assert default["IpPermissions"] == []
    assert default["IpPermissionsEgress"] == []


def test_cluster_is_what_was_asked_for(dev: Machine) -> None:
    cluster = dev.client("eks").describe_cluster(name="dev")["cluster"]
    assert cluster["status"] == "ACTIVE"
    assert cluster["version"] == "1.35"
    assert cluster["resourcesVpcConfig"]["endpointPublicAccess"] is False
    assert cluster["accessConfig"]["authenticationMode"] == "API_AND_CONFIG_MAP"
    (encryption,) = cluster["encryptionConfig"]
    key = dev.client("kms").get_key_rotation_status(KeyId=encryption["provider"]["keyArn"])
    assert key["KeyRotationEnabled"] is True
    enabled = [e for e in cluster["logging"]["clusterLogging"] if e["enabled"]]
    assert {t for e in enabled for t in e["types"]} == {
        "api",
        "audit",
        "authenticator",
        "controllerManager",
        "scheduler",
    }


def test_node_group_and_add_ons_are_active(dev: Machine) -> None:
    eks = dev.client("eks")
    (name,) = eks.list_nodegroups(clusterName="dev")["nodegroups"]
    group = eks.describe_nodegroup(clusterName="dev", nodegroupName=name)["nodegroup"]
    assert group["status"] == "ACTIVE"
    assert group["scalingConfig"] == {"minSize": 2, "desiredSize": 2, "maxSize": 4}
    for add_on in eks.list_addons(clusterName="dev")["addons"]:
        described = eks.describe_addon(clusterName="dev", addonName=add_on)["addon"]
        assert described["status"] == "ACTIVE", add_on


def test_backup_bucket_is_locked_down(dev: Machine) -> None:
    s3 = dev.client("s3")
    resources = dev.client("cloudformation").list_stack_resources(StackName="dev-Backup")
    (name,) = (
        r["PhysicalResourceId"]
        for r in resources["StackResourceSummaries"]
        if r["ResourceType"] == "AWS::S3::Bucket"
    )
    block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert set(block.values()) == {True}
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    (rule,) = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    rules = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert {r["ID"] for r in rules} == {"overwritten", "markers"}
    policy = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])
    assert any(s["Effect"] == "Deny" for s in policy["Statement"])


def test_other_accounts_see_nothing_of_it(dev: Machine) -> None:
    import boto3

    stranger = boto3.Session("999999999999", "test", region_name="eu-central-1")
    eks = stranger.client("eks", endpoint_url=dev.target.endpoint)
    assert eks.list_clusters()["clusters"] == []
