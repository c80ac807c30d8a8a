"""What boto3 sees in the account after a deploy."""

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


def test_everything_that_can_be_is_tagged(dev: Machine) -> None:
    tags = {"environment": "dev", "owner": "platform", "project": "mindforce"}
    (bucket,) = dev.resources("Backup", "AWS::S3::Bucket")
    shown = {
        t["Key"]: t["Value"] for t in dev.client("s3").get_bucket_tagging(Bucket=bucket)["TagSet"]
    }
    assert shown.items() >= tags.items()
    cluster = dev.client("eks").describe_cluster(name="dev")["cluster"]
    assert cluster["tags"].items() >= tags.items()
    (vpc,) = dev.resources("Network", "AWS::EC2::VPC")
    (found,) = dev.client("ec2").describe_vpcs(VpcIds=[vpc])["Vpcs"]
    assert {t["Key"]: t["Value"] for t in found["Tags"]}.items() >= tags.items()


def test_other_accounts_see_nothing_of_it(dev: Machine) -> None:
    import boto3

    stranger = boto3.Session("999999999999", "test", region_name="eu-central-1")
    eks = stranger.client("eks", endpoint_url=dev.target.endpoint)
    assert eks.list_clusters()["clusters"] == []
