"""What boto3 sees in the account after a deploy."""

import json
from typing import Any

import pytest

from config.add_ons import ADD_ONS
from config.environments import DEV
from local.stacks import STANDING
from tests.local.machine import Machine


@pytest.mark.parametrize(
    "stack", ["Network", "Cluster", "Backup", "Platform", "Workloads", "Observability"]
)
def test_stack_stands(dev: Machine, stack: str) -> None:
    assert dev.stack(stack)["StackStatus"] in STANDING


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
    assert flow_log["DeliverLogsStatus"] == "SUCCESS"
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
    assert cluster["zonalShiftConfig"] == {"enabled": True}
    assert cluster["upgradePolicy"] == {"supportType": "STANDARD"}
    assert cluster["deletionProtection"] is False
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


def _group(dev: Machine) -> Any:
    eks = dev.client("eks")
    (name,) = eks.list_nodegroups(clusterName="dev")["nodegroups"]
    return eks.describe_nodegroup(clusterName="dev", nodegroupName=name)["nodegroup"]


def test_node_group_is_what_was_asked_for(dev: Machine) -> None:
    group = _group(dev)
    assert group["status"] == "ACTIVE"
    assert group["scalingConfig"] == {"minSize": 2, "desiredSize": 2, "maxSize": 4}
    assert group["capacityType"] == "ON_DEMAND"
    assert group["updateConfig"] == {"maxUnavailablePercentage": 33}
    assert group["nodeRepairConfig"]["enabled"] is True
    (scaling,) = dev.client("autoscaling").describe_auto_scaling_groups(
        AutoScalingGroupNames=[g["name"] for g in group["resources"]["autoScalingGroups"]]
    )["AutoScalingGroups"]
    tags = {tag["Key"]: tag["Value"] for tag in scaling["Tags"]}
    assert tags["k8s.io/cluster-autoscaler/dev"] == "owned"


def test_nodes_disks_are_encrypted_with_a_key_of_the_account(dev: Machine) -> None:
    template = _group(dev)["launchTemplate"]
    (version,) = dev.client("ec2").describe_launch_template_versions(
        LaunchTemplateId=template["id"], Versions=[template["version"]]
    )["LaunchTemplateVersions"]
    data = version["LaunchTemplateData"]
    assert data["MetadataOptions"]["HttpTokens"] == "required"
    assert data["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
    (disk,) = (mapping["Ebs"] for mapping in data["BlockDeviceMappings"])
    assert (disk["Encrypted"], disk["VolumeType"], disk["VolumeSize"]) == (True, "gp3", 20)
    rotation = dev.client("kms").get_key_rotation_status(KeyId=disk["KmsKeyId"])
    assert rotation["KeyRotationEnabled"] is True


def test_every_add_on_is_active_with_its_role(dev: Machine) -> None:
    eks = dev.client("eks")
    names = eks.list_addons(clusterName="dev")["addons"]
    assert set(names) == set(ADD_ONS)
    for name in names:
        described = eks.describe_addon(clusterName="dev", addonName=name)["addon"]
        assert described["status"] == "ACTIVE", name
    associations = eks.list_pod_identity_associations(clusterName="dev")["associations"]
    accounts = {(a["namespace"], a["serviceAccount"]) for a in associations}
    assert {("kube-system", "aws-node"), ("kube-system", "ebs-csi-controller-sa")} <= accounts


def test_images_of_docker_hub_come_through_the_registry(dev: Machine) -> None:
    ecr = dev.client("ecr")
    (rule,) = ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"]
    assert rule["upstreamRegistryUrl"] == "registry-1.docker.io"
    prefix = rule["ecrRepositoryPrefix"]
    assert ecr.validate_pull_through_cache_rule(ecrRepositoryPrefix=prefix)["isValid"]
    (made,) = ecr.describe_repository_creation_templates()["repositoryCreationTemplates"]
    assert made["prefix"] == prefix
    assert {tag["Key"]: tag["Value"] for tag in made["resourceTags"]} == DEV.tags
    web = dev.kubectl("get", "deployment", "web", "-n", "web", "-o", "json")
    (container,) = web["spec"]["template"]["spec"]["containers"]
    registry = "111111111111.dkr.ecr.eu-central-1.amazonaws.com"
    assert container["image"].startswith(f"{registry}/{prefix}/mindforce/web:")


def test_subnets_are_tagged_for_the_load_balancer_controller(dev: Machine) -> None:
    ec2 = dev.client("ec2")
    for role in ("elb", "internal-elb"):
        found = ec2.describe_subnets(
            Filters=[{"Name": f"tag:kubernetes.io/role/{role}", "Values": ["1"]}]
        )["Subnets"]
        assert {s["AvailabilityZone"] for s in found} == {"eu-central-1a", "eu-central-1b"}


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
    assert {r["ID"] for r in rules} == {"overwritten", "markers", "dumps"}
    # Nothing but dumps is forgotten before somebody overwrites or deletes it.
    (expires,) = (r for r in rules if "Days" in r.get("Expiration", {}))
    assert expires["Filter"] == {"Prefix": "dumps/"}
    policy = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])
    assert any(s["Effect"] == "Deny" for s in policy["Statement"])


def test_the_backup_role_uses_its_bucket_and_nothing_else(dev: Machine) -> None:
    (bucket,) = _resources(dev, "Backup", "AWS::S3::Bucket")
    (role,) = _resources(dev, "Backup", "AWS::IAM::Role")
    # Only pods of the cluster may assume it, so its policies are judged without assuming it.
    arn = dev.client("iam").get_role(RoleName=role)["Role"]["Arn"]

    def may(action: str, resource: str) -> bool:
        found = dev.client("iam").simulate_principal_policy(
            PolicySourceArn=arn, ActionNames=[action], ResourceArns=[resource]
        )
        return str(found["EvaluationResults"][0]["EvalDecision"]) == "allowed"

    assert may("s3:PutObject", f"arn:aws:s3:::{bucket}/backups/one")
    assert may("s3:ListBucket", f"arn:aws:s3:::{bucket}")
    assert not may("s3:PutObject", "arn:aws:s3:::another/backups/one")
    assert not may("s3:DeleteBucket", f"arn:aws:s3:::{bucket}")


def test_everything_that_can_be_is_tagged(dev: Machine) -> None:
    tags = {"environment": "dev", "owner": "platform", "project": "mindforce"}
    (bucket,) = _resources(dev, "Backup", "AWS::S3::Bucket")
    shown = {
        t["Key"]: t["Value"] for t in dev.client("s3").get_bucket_tagging(Bucket=bucket)["TagSet"]
    }
    assert shown.items() >= tags.items()
    cluster = dev.client("eks").describe_cluster(name="dev")["cluster"]
    assert cluster["tags"].items() >= tags.items()
    (vpc,) = _resources(dev, "Network", "AWS::EC2::VPC")
    (found,) = dev.client("ec2").describe_vpcs(VpcIds=[vpc])["Vpcs"]
    assert {t["Key"]: t["Value"] for t in found["Tags"]}.items() >= tags.items()


def test_an_alarm_reaches_the_topic_and_the_topic_waits_for_people(dev: Machine) -> None:
    cloudwatch = dev.client("cloudwatch")
    alarm = "dev-pods-pending"
    for state in ("OK", "ALARM"):
        cloudwatch.set_alarm_state(AlarmName=alarm, StateValue=state, StateReason="test")
    history = cloudwatch.describe_alarm_history(AlarmName=alarm, HistoryItemType="Action")
    said = [item["HistorySummary"] for item in history["AlarmHistoryItems"]]
    assert said
    assert all(line.startswith("Successfully executed action") for line in said)
    (topic,) = _resources(dev, "Observability", "AWS::SNS::Topic")
    attributes = dev.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]
    assert attributes["SubscriptionsPending"] == "1"


def _resources(dev: Machine, stack: str, kind: str) -> list[str]:
    """Return the physical ids of a stack's resources of a type."""
    found = dev.client("cloudformation").list_stack_resources(StackName=f"dev-{stack}")
    return [
        summary["PhysicalResourceId"]
        for summary in found["StackResourceSummaries"]
        if summary["ResourceType"] == kind
    ]


def test_other_accounts_see_nothing_of_it(dev: Machine) -> None:
    import boto3

    stranger = boto3.Session("999999999999", "test", region_name="eu-central-1")
    eks = stranger.client("eks", endpoint_url=dev.target.endpoint)
    assert eks.list_clusters()["clusters"] == []
