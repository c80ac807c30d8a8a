"""The clusters that tests share, and how their API servers answer."""

import base64
import json
import ssl
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from tests.local_aws.support import ACCOUNT, REGION, Account, network, role

ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
SUBNETS = [{"Ref": "SubnetA"}, {"Ref": "SubnetB"}]


def arn(name: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [name, "Arn"]}


def cluster(mode: str) -> dict[str, Any]:
    return {
        "Type": "AWS::EKS::Cluster",
        "Properties": {
            "RoleArn": arn("ClusterRole"),
            "Version": "1.35",
            "BootstrapSelfManagedAddons": False,
            "AccessConfig": {
                "AuthenticationMode": mode,
                "BootstrapClusterCreatorAdminPermissions": False,
            },
            "ResourcesVpcConfig": {"SubnetIds": SUBNETS},
            "EncryptionConfig": [{"Resources": ["secrets"], "Provider": {"KeyArn": arn("Key")}}],
            "Logging": {"ClusterLogging": {"EnabledTypes": [{"Type": "audit"}]}},
        },
    }


BASE: dict[str, Any] = {
    **network(),
    "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Statement": []}}},
    "ClusterRole": role("eks.amazonaws.com"),
    "NodeRole": role("ec2.amazonaws.com"),
    "Person": role("account"),
    "PodRole": role("pods.eks.amazonaws.com", actions=["sts:AssumeRole", "sts:TagSession"]),
    "UntaggedRole": role("pods.eks.amazonaws.com"),
    "Cluster": cluster("API_AND_CONFIG_MAP"),
}


def template(size: int) -> dict[str, Any]:
    """A launch template with a volume of that many GiB."""
    volume = {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": size}}
    return {
        "Type": "AWS::EC2::LaunchTemplate",
        "Properties": {"LaunchTemplateData": {"BlockDeviceMappings": [volume]}},
    }


def node_group(size: int, **labels: str) -> dict[str, Any]:
    return {
        "Type": "AWS::EKS::Nodegroup",
        "DependsOn": ["Networking", "Proxy"],
        "Properties": {
            "ClusterName": {"Ref": "Cluster"},
            "NodeRole": arn("NodeRole"),
            "Subnets": SUBNETS,
            "AmiType": "AL2023_x86_64_STANDARD",
            "InstanceTypes": ["t3.medium"],
            "LaunchTemplate": {
                "Id": {"Ref": "Template"},
                "Version": {"Fn::GetAtt": ["Template", "LatestVersionNumber"]},
            },
            "ScalingConfig": {"MinSize": 1, "MaxSize": 4, "DesiredSize": size},
            "Labels": {"role": "general", **labels},
            "Taints": [{"Key": "dedicated", "Value": "yes", "Effect": "NO_SCHEDULE"}],
        },
    }


FULL: dict[str, Any] = {
    **BASE,
    "Networking": {
        "Type": "AWS::EKS::Addon",
        "Properties": {"ClusterName": {"Ref": "Cluster"}, "AddonName": "vpc-cni"},
    },
    "Proxy": {
        "Type": "AWS::EKS::Addon",
        "Properties": {"ClusterName": {"Ref": "Cluster"}, "AddonName": "kube-proxy"},
    },
    "Template": template(20),
    "Nodes": node_group(2),
}


@dataclass(frozen=True)
class Cluster:
    """A standing cluster and how its API server answers somebody."""

    account: Account
    stack: str
    name: str

    @property
    def folder(self) -> Path:
        return self.account.server.state / "clusters" / f"{ACCOUNT}-{REGION}-{self.name}"

    def describe(self) -> dict[str, Any]:
        found: dict[str, Any] = self.account.client("eks").describe_cluster(name=self.name)
        return dict(found["cluster"])

    def kubectl(self, *words: str) -> dict[str, Any]:
        """What the administrator sees."""
        config = str(self.folder / "admin.kubeconfig")
        command = [str(self.account.server.tools / "kubectl"), "--kubeconfig", config, *words]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return dict(json.loads(done.stdout)) if "json" in words else {}

    def ask(self, somebody: Account, path: str, *, token_of: str | None = None) -> int:
        """The status with which the API server answers somebody's IAM token."""
        described = self.describe()
        authority = base64.b64decode(described["certificateAuthority"]["data"]).decode()
        request = urllib.request.Request(
            f"{described['endpoint']}/{path}",
            headers={"Authorization": f"Bearer {_token(somebody, token_of or self.name)}"},
        )
        context = ssl.create_default_context(cadata=authority)
        try:
            with urllib.request.urlopen(request, context=context, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code


def _token(somebody: Account, name: str) -> str:
    """A token as `aws eks get-token` makes it."""
    sdk: Any = boto3
    sts = sdk.client(
        "sts",
        endpoint_url=somebody.server.endpoint,
        region_name=REGION,
        aws_access_key_id=somebody.key,
        aws_secret_access_key=somebody.secret,
        aws_session_token=somebody.token,
    )
    sts.meta.events.register(
        "before-sign.sts.GetCallerIdentity",
        lambda request, **_: request.headers.add_header("x-k8s-aws-id", name),
    )
    url = sts.generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
    return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def principal(cluster: Cluster) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{cluster.account.resource(cluster.stack, 'Person')}"
