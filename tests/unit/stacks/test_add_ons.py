"""The add-ons of a cluster: all of them, in an order that never waits, with roles of their own."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from config.add_ons import ADD_ONS, NETWORKING, SERVICES
from config.environments import DEV, PROD, TABLE
from mindforce.add_ons import AddOnSettings
from tests.synthesis import Synthesis, Template, references


@pytest.fixture
def template(synthesis: Synthesis) -> Template:
    return synthesis.template("prod", "Cluster")


def _add_on(template: Template, name: str) -> tuple[str, Any]:
    (found,) = (
        (logical_id, resource["Properties"])
        for logical_id, resource in template.resources("AWS::EKS::Addon").items()
        if resource["Properties"]["AddonName"] == name
    )
    return found


def test_every_add_on_is_there_and_owns_its_fields(template: Template) -> None:
    properties = template.properties("AWS::EKS::Addon")
    assert {p["AddonName"] for p in properties} == set(ADD_ONS)
    assert {p["ResolveConflicts"] for p in properties} == {"OVERWRITE"}


@pytest.mark.parametrize("name", NETWORKING)
def test_nodes_come_after_their_networking(template: Template, name: str) -> None:
    # Prefix delegation that comes after a node leaves it the old limit of pods.
    add_on, _ = _add_on(template, name)
    groups = template.resources("AWS::EKS::Nodegroup")
    assert groups
    assert all(template.comes_after(nodes, add_on) for nodes in groups)


@pytest.mark.parametrize("name", SERVICES)
def test_add_ons_that_are_pods_come_after_the_nodes(template: Template, name: str) -> None:
    add_on, _ = _add_on(template, name)
    groups = template.resources("AWS::EKS::Nodegroup")
    assert all(template.comes_after(add_on, nodes) for nodes in groups)


def test_the_ebs_driver_comes_after_the_kinds_that_its_snapshotter_looks_for(
    template: Template,
) -> None:
    driver, _ = _add_on(template, "aws-ebs-csi-driver")
    controller, _ = _add_on(template, "snapshot-controller")
    assert template.comes_after(driver, controller)


def test_network_policies_are_enforced_and_prefixes_delegated(template: Template) -> None:
    _, properties = _add_on(template, "vpc-cni")
    assert '"enableNetworkPolicy": "true"' in properties["ConfigurationValues"]
    assert '"ENABLE_PREFIX_DELEGATION": "true"' in properties["ConfigurationValues"]


def test_volumes_snapshots_and_interfaces_of_pods_are_tagged(template: Template) -> None:
    _, driver = _add_on(template, "aws-ebs-csi-driver")
    values = json.loads(driver["ConfigurationValues"])
    assert values == {"controller": {"extraVolumeTags": PROD.tags}}
    _, cni = _add_on(template, "vpc-cni")
    environment = json.loads(cni["ConfigurationValues"])["env"]
    assert json.loads(environment["ADDITIONAL_ENI_TAGS"]) == PROD.tags


def test_pods_see_a_secret_that_has_changed(template: Template) -> None:
    _, properties = _add_on(template, "aws-secrets-store-csi-driver-provider")
    driver = json.loads(properties["ConfigurationValues"])["secrets-store-csi-driver"]
    assert driver["enableSecretRotation"] is True
    assert driver["rotationPollInterval"] == "120s"


@pytest.mark.parametrize(
    ("name", "account", "policy"),
    [
        ("vpc-cni", "aws-node", ":policy/AmazonEKS_CNI_Policy"),
        ("aws-ebs-csi-driver", "ebs-csi-controller-sa", ":policy/AmazonEBSCSIDriverPolicyV2"),
    ],
)
def test_an_add_on_brings_the_role_of_its_pods(
    template: Template, name: str, account: str, policy: str
) -> None:
    # As the add-on's own association, which is there before its pods.
    add_on, properties = _add_on(template, name)
    (association,) = properties["PodIdentityAssociations"]
    assert association["ServiceAccount"] == account
    (role,) = references(association["RoleArn"])
    assert template.comes_after(add_on, role)
    made = template["Resources"][role]["Properties"]
    (arn,) = made["ManagedPolicyArns"]
    assert arn.endswith(policy)
    (trust,) = made["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    # EKS tags the session; without the second no pod gets credentials.
    assert trust["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    # And for this service account of this cluster alone.
    (cluster,) = template.resources("AWS::EKS::Cluster")
    assert trust["Condition"] == {
        "StringEquals": {
            "aws:RequestTag/eks-cluster-name": {"Ref": cluster},
            "aws:RequestTag/kubernetes-namespace": "kube-system",
            "aws:RequestTag/kubernetes-service-account": account,
        }
    }


def test_no_role_of_any_environment_is_for_whatever_pod_asks(synthesis: Synthesis) -> None:
    found = 0
    for stack, template in synthesis.all():
        for role in template.properties("AWS::IAM::Role"):
            # The database's trust an issuer of tokens, in a policy that is a text.
            for trust in role["AssumeRolePolicyDocument"].get("Statement", ()):
                if trust["Principal"].get("Service") == "pods.eks.amazonaws.com":
                    found += 1
                    keys = {key.rpartition("-")[2] for key in trust["Condition"]["StringEquals"]}
                    assert keys in (
                        {"name", "namespace", "account"},
                        {"arn", "namespace", "account"},
                    ), stack
    assert found


def test_the_ebs_driver_may_use_the_disks_key_for_ec2_only(template: Template) -> None:
    _, properties = _add_on(template, "aws-ebs-csi-driver")
    (role,) = references(properties["PodIdentityAssociations"][0]["RoleArn"])
    (policy,) = template["Resources"][role]["Properties"]["Policies"]
    use, grant = policy["PolicyDocument"]["Statement"]
    (key,) = {next(references(statement["Resource"])) for statement in (use, grant)}
    assert template["Resources"][key]["Properties"]["Description"].startswith("Disks of nodes")
    assert grant["Action"] == "kms:CreateGrant"
    assert grant["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    assert "kms:GenerateDataKeyWithoutPlaintext" in use["Action"]


def test_a_version_of_the_table_is_pinned(template: Template, tmp_path: Path) -> None:
    assert not any("AddonVersion" in p for p in template.properties("AWS::EKS::Addon"))
    cluster = replace(DEV.cluster, add_on_versions={"coredns": "v1.13.2-eksbuild.1"})
    table = replace(TABLE, environments=(replace(DEV, cluster=cluster),))
    pinned = Synthesis(table, tmp_path).template("dev", "Cluster")
    assert _add_on(pinned, "coredns")[1]["AddonVersion"] == "v1.13.2-eksbuild.1"


def test_an_add_on_with_half_a_role_is_refused() -> None:
    with pytest.raises(ValueError, match="give an add-on a service_account and policies, or"):
        AddOnSettings(service_account="aws-node")
