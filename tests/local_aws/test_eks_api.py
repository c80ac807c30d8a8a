"""EKS refuses what it would refuse, before any control plane starts."""

import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.paths import ROOT
from tests.local_aws.support import Account, StackFailedError, network, role

ROLE = {"Role": role("eks.amazonaws.com")}


def cluster(**properties: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::EKS::Cluster",
        "Properties": {
            "Name": "refused",
            "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
            "Version": "1.35",
            "BootstrapSelfManagedAddons": False,
            "AccessConfig": {"BootstrapClusterCreatorAdminPermissions": False},
            "ResourcesVpcConfig": {"SubnetIds": [{"Ref": "SubnetA"}, {"Ref": "SubnetB"}]},
            **properties,
        },
    }


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"OutpostConfig": {}}, "AWS::EKS::Cluster property OutpostConfig is not emulated"),
        ({"Version": "1.21"}, "unsupported Kubernetes version 1.21"),
        ({"ComputeConfig": {"Enabled": True}}, "EKS Auto Mode .* is not emulated"),
        (
            {"ResourcesVpcConfig": {"SubnetIds": [{"Ref": "SubnetA"}]}},
            "at least two different AZs",
        ),
        ({"RoleArn": "arn:aws:iam::111111111111:role/none"}, "role/none does not exist"),
        (
            {
                "EncryptionConfig": [
                    {
                        "Resources": ["secrets"],
                        "Provider": {"KeyArn": "arn:aws:kms:eu-central-1:111111111111:key/none"},
                    }
                ]
            },
            "key/none does not exist",
        ),
        ({"BootstrapSelfManagedAddons": True}, "bootstrapSelfManagedAddons true"),
    ],
)
def test_a_refused_cluster_says_why_and_leaves_nothing(
    account: Account, properties: dict[str, Any], words: str
) -> None:
    resources = {**network(), **ROLE, "Cluster": cluster(**properties)}
    with pytest.raises(StackFailedError, match=words):
        account.create("refused-cluster", resources)
    account.delete("refused-cluster")
    assert "refused" not in account.client("eks").list_clusters()["clusters"]
    groups = account.client("ec2").describe_security_groups()["SecurityGroups"]
    assert not [
        group for group in groups if group["GroupName"].startswith("eks-cluster-sg-refused")
    ]


def test_another_version_is_refused_with_the_places_that_say_which_one_is_built(
    account: Account,
) -> None:
    resources = {**network(), **ROLE, "Cluster": cluster(Version="1.36")}
    with pytest.raises(StackFailedError) as caught:
        account.create("refused-cluster", resources)
    account.delete("refused-cluster")
    said = re.search(
        r"version 1\.36: .* is (\S+); raise (\w+) in (\S+), and (\S+) in (\S+) with it",
        str(caught.value),
    )
    assert said
    built, constant, python, module, go = said.groups()
    assert f'{constant} = "{built}"' in (ROOT / python).read_text()
    assert f"{module} v{built}." in (ROOT / go).read_text()


def test_a_missing_cluster_is_not_found(account: Account) -> None:
    eks = account.client("eks")
    missing = eks.exceptions.ResourceNotFoundException
    with pytest.raises(missing):
        eks.update_cluster_config(name="none", deletionProtection=True)
    with pytest.raises(missing):
        eks.list_updates(name="none")
    with pytest.raises(missing):
        eks.create_addon(clusterName="none", addonName="vpc-cni")
    with pytest.raises(missing):
        eks.update_nodegroup_config(clusterName="none", nodegroupName="none")


def test_access_policies_are_listed(account: Account) -> None:
    names = [
        item["name"] for item in account.client("eks").list_access_policies()["accessPolicies"]
    ]
    assert "AmazonEKSClusterAdminPolicy" in names


def test_an_unknown_member_is_refused(account: Account) -> None:
    with pytest.raises(ClientError, match="outpostConfig is not emulated"):
        account.client("eks").create_cluster(
            name="refused",
            roleArn="arn:aws:iam::111111111111:role/none",
            resourcesVpcConfig={},
            outpostConfig={"outpostArns": ["a"], "controlPlaneInstanceType": "m5.large"},
        )
