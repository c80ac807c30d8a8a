"""Resources of dev's stacks, for a second cluster in its account."""

from collections.abc import Mapping
from typing import Any

from tests.local.machine import Machine

_ADD_ONS = (
    "vpc-cni",
    "kube-proxy",
    "snapshot-controller",
    "aws-secrets-store-csi-driver-provider",
)
_MANIFEST = "Custom::AWSCDK-EKS-KubernetesResource"
_ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"

Resources = dict[str, Any]


class Moved:
    """What dev's templates hold, with another cluster's name and what it refers to."""

    def __init__(self, dev: Machine, name: str) -> None:
        self._dev = dev
        self._name = name
        self._templates = dev.templates()

    def cluster(self) -> Resources:
        """Return a cluster of dev's roles and subnets with one node, open to dev's functions."""
        eks = self._dev.client("eks")
        like = eks.describe_cluster(name="dev")["cluster"]
        (group,) = eks.list_nodegroups(clusterName="dev")["nodegroups"]
        nodes = eks.describe_nodegroup(clusterName="dev", nodegroupName=group)["nodegroup"]
        role = self._physical("Cluster", "KubectlProviderHandlerServiceRole")
        here = {"ClusterName": {"Ref": "Cluster"}}
        made: Resources = {
            "Cluster": {
                "Type": "AWS::EKS::Cluster",
                "Properties": {
                    "Name": self._name,
                    "RoleArn": like["roleArn"],
                    "Version": like["version"],
                    "BootstrapSelfManagedAddons": False,
                    "AccessConfig": {
                        "AuthenticationMode": "API",
                        "BootstrapClusterCreatorAdminPermissions": False,
                    },
                    "ResourcesVpcConfig": {"SubnetIds": like["resourcesVpcConfig"]["subnetIds"]},
                },
            },
            "Access": {
                "Type": "AWS::EKS::AccessEntry",
                "Properties": {
                    **here,
                    "PrincipalArn": self._dev.client("iam").get_role(RoleName=role)["Role"]["Arn"],
                    "AccessPolicies": [{"PolicyArn": _ADMIN, "AccessScope": {"Type": "cluster"}}],
                },
            },
            "Allowed": {
                "Type": "AWS::IAM::Policy",
                "Properties": {
                    "PolicyName": self._name,
                    "Roles": [role],
                    "PolicyDocument": {
                        "Version": "2012-10-17",
                        "Statement": [
                            {
                                "Effect": "Allow",
                                "Action": "eks:DescribeCluster",
                                "Resource": {"Fn::GetAtt": ["Cluster", "Arn"]},
                            }
                        ],
                    },
                },
            },
        }
        for one in self._templates["dev-Cluster"]["Resources"].values():
            if one["Type"] == "AWS::EKS::Addon" and one["Properties"]["AddonName"] in _ADD_ONS:
                name = one["Properties"]["AddonName"].replace("-", "")
                properties = {**one["Properties"], **here}
                properties.pop("PodIdentityAssociations", None)
                made[name] = {"Type": one["Type"], "Properties": properties}
        made["Nodes"] = {
            "Type": "AWS::EKS::Nodegroup",
            "DependsOn": ["vpccni", "kubeproxy"],
            "Properties": {
                **here,
                "NodeRole": nodes["nodeRole"],
                "Subnets": nodes["subnets"],
                "AmiType": nodes["amiType"],
                "InstanceTypes": nodes["instanceTypes"],
                "LaunchTemplate": {
                    "Id": nodes["launchTemplate"]["id"],
                    "Version": nodes["launchTemplate"]["version"],
                },
                "ScalingConfig": {"MinSize": 1, "MaxSize": 1, "DesiredSize": 1},
            },
        }
        return made

    def velero(self) -> Resources:
        found = self._templates["dev-Platform"]["Resources"]
        kept = {
            name: one
            for name, one in found.items()
            # Their role has its policies from dev's stack.
            if name.startswith("Velero") and one["Type"] != "AWS::IAM::Policy"
        }
        moved = self._of(kept, "Platform")
        for one in moved.values():
            one["Properties"]["ClusterName"] = {"Ref": "Cluster"}
            one["DependsOn"] = [*one["DependsOn"], "Access", "Allowed", "Nodes"]
        return moved

    def workloads(self) -> Resources:
        """Return all of Workloads' manifests."""
        found = self._templates["dev-Workloads"]["Resources"]
        kept = {
            # The cluster goes as a whole afterwards.
            name: {**one, "DeletionPolicy": "Retain"}
            for name, one in found.items()
            if one["Type"] == _MANIFEST
        }
        return self._of(kept, "Workloads")

    def _of(self, resources: Resources, stack: str) -> Resources:
        """Return resources of a stack of dev's for the second cluster, with what they refer to."""
        kept = {}
        for name, one in resources.items():
            after = [other for other in one.get("DependsOn", []) if other in resources]
            properties = {**self._resolved(one["Properties"], stack), "ClusterName": self._name}
            kept[name] = {**one, "Properties": properties, "DependsOn": after}
        return kept

    def _resolved(self, value: Any, stack: str) -> Any:
        if isinstance(value, list):
            return [self._resolved(item, stack) for item in value]
        if not isinstance(value, Mapping):
            return value
        if "Fn::GetAtt" in value:
            name = self._physical(stack, value["Fn::GetAtt"][0])
            if value["Fn::GetAtt"][1] == "Arn":
                return self._dev.client("iam").get_role(RoleName=name)["Role"]["Arn"]
            return self._dev.client("secretsmanager").describe_secret(SecretId=name)["ARN"]
        return {key: self._resolved(item, stack) for key, item in value.items()}

    def _physical(self, stack: str, logical: str) -> str:
        found = self._dev.client("cloudformation").list_stack_resources(StackName=f"dev-{stack}")
        (name,) = (
            str(one["PhysicalResourceId"])
            for one in found["StackResourceSummaries"]
            if logical in one["LogicalResourceId"] and one["ResourceType"] != "AWS::IAM::Policy"
        )
        return name
