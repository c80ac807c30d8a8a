from typing import Any

import pytest

from tests.synthesis import Synthesis, Template, references


@pytest.fixture
def template(synthesis: Synthesis) -> Template:
    return synthesis.template("prod", "Cluster")


@pytest.fixture
def cluster(template: Template) -> Any:
    return template.only("AWS::EKS::Cluster")


def _named(template: Template, kind: str, key: str, value: str) -> str:
    (found,) = (
        name
        for name, resource in template.resources(kind).items()
        if resource["Properties"].get(key) == value
    )
    return found


def test_api_server_is_not_reachable_from_outside_the_vpc(synthesis: Synthesis) -> None:
    for environment in synthesis.environments:
        template = synthesis.template(environment, "Cluster")
        network = template.only("AWS::EKS::Cluster")["ResourcesVpcConfig"]
        assert network["EndpointPublicAccess"] is False
        assert network["EndpointPrivateAccess"] is True


def test_secrets_are_encrypted_with_a_key_that_rotates(template: Template, cluster: Any) -> None:
    (encryption,) = cluster["EncryptionConfig"]
    assert encryption["Resources"] == ["secrets"]
    (key,) = references(encryption["Provider"])
    assert template["Resources"][key]["Properties"]["EnableKeyRotation"] is True


def test_all_control_plane_logs_are_kept_for_a_while(template: Template, cluster: Any) -> None:
    types = {entry["Type"] for entry in cluster["Logging"]["ClusterLogging"]["EnabledTypes"]}
    assert types == {"api", "audit", "authenticator", "controllerManager", "scheduler"}
    group = _named(template, "AWS::Logs::LogGroup", "LogGroupName", "/aws/eks/prod/cluster")
    assert template["Resources"][group]["Properties"]["RetentionInDays"] == 90
    (name,) = template.resources("AWS::EKS::Cluster")
    assert template.comes_after(name, group)


def test_what_would_replace_the_cluster_later_is_settled(cluster: Any) -> None:
    assert cluster["Name"] == "prod"
    assert cluster["BootstrapSelfManagedAddons"] is False
    access = cluster["AccessConfig"]
    assert access["BootstrapClusterCreatorAdminPermissions"] is False
    assert access["AuthenticationMode"] == "API_AND_CONFIG_MAP"


def test_production_cannot_be_deleted_by_mistake(synthesis: Synthesis) -> None:
    protected = {
        environment: synthesis.template(environment, "Cluster").only("AWS::EKS::Cluster")[
            "DeletionProtection"
        ]
        for environment in synthesis.environments
    }
    assert protected == {"dev": False, "stage": False, "prod": True}
    for stack in synthesis.stacks("prod"):
        assert stack.termination_protection


@pytest.mark.parametrize("name", ["vpc-cni", "kube-proxy", "eks-pod-identity-agent"])
def test_nodes_come_after_their_networking(template: Template, name: str) -> None:
    add_on = _named(template, "AWS::EKS::Addon", "AddonName", name)
    (nodes,) = template.resources("AWS::EKS::Nodegroup")
    assert template.comes_after(nodes, add_on)


@pytest.mark.parametrize("name", ["coredns", "metrics-server"])
def test_add_ons_that_are_pods_come_after_the_nodes(template: Template, name: str) -> None:
    add_on = _named(template, "AWS::EKS::Addon", "AddonName", name)
    (nodes,) = template.resources("AWS::EKS::Nodegroup")
    assert template.comes_after(add_on, nodes)


def test_network_policies_are_enforced(template: Template) -> None:
    add_on = _named(template, "AWS::EKS::Addon", "AddonName", "vpc-cni")
    configuration = template["Resources"][add_on]["Properties"]["ConfigurationValues"]
    assert '"enableNetworkPolicy": "true"' in configuration
    assert '"ENABLE_PREFIX_DELEGATION": "true"' in configuration


def test_cni_has_a_role_of_its_own_and_nodes_have_less(template: Template) -> None:
    def policies(role: Any) -> str:
        return str(role["Properties"].get("ManagedPolicyArns"))

    roles = template.resources("AWS::IAM::Role")
    with_cni = [role for role in roles.values() if "AmazonEKS_CNI_Policy" in policies(role)]
    assert len(with_cni) == 1
    trust = with_cni[0]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert {s["Principal"]["Service"] for s in trust} == {"pods.eks.amazonaws.com"}
    # EKS tags the session; without the second no pod gets credentials.
    assert {a for s in trust for a in s["Action"]} == {"sts:AssumeRole", "sts:TagSession"}


def test_nodes_are_private_and_their_identity_is_out_of_reach_of_pods(template: Template) -> None:
    data = template.only("AWS::EC2::LaunchTemplate")["LaunchTemplateData"]
    assert data["MetadataOptions"] == {"HttpTokens": "required", "HttpPutResponseHopLimit": 1}
    (disk,) = data["BlockDeviceMappings"]
    assert disk["Ebs"]["Encrypted"] is True
    assert disk["Ebs"]["VolumeType"] == "gp3"
    subnets = str(template.only("AWS::EKS::Nodegroup")["Subnets"])
    assert "PrivateSubnet" in subnets
    assert "PublicSubnet" not in subnets


def test_nodes_are_upgraded_with_the_control_plane(template: Template, cluster: Any) -> None:
    assert template.only("AWS::EKS::Nodegroup")["Version"] == cluster["Version"] == "1.35"


def test_node_image_is_explicit_and_updates_respect_disruption_budgets(template: Template) -> None:
    group = template.only("AWS::EKS::Nodegroup")
    assert group["AmiType"] == "AL2023_x86_64_STANDARD"
    assert group["ForceUpdateEnabled"] is False
    assert "NodegroupName" not in group


def test_node_group_sizes_follow_the_table(synthesis: Synthesis) -> None:
    sizes = {
        environment: synthesis.template(environment, "Cluster").only("AWS::EKS::Nodegroup")[
            "ScalingConfig"
        ]
        for environment in ("dev", "prod")
    }
    assert sizes == {
        "dev": {"MinSize": 2, "DesiredSize": 2, "MaxSize": 4},
        "prod": {"MinSize": 3, "DesiredSize": 3, "MaxSize": 6},
    }


def test_only_break_glass_and_the_kubectl_provider_are_let_do_anything_by_eks(
    template: Template,
) -> None:
    entries = [e for e in template.properties("AWS::EKS::AccessEntry") if "AccessPolicies" in e]
    principals = sorted(str(next(references(entry["PrincipalArn"]))) for entry in entries)
    assert len(principals) == 2
    assert principals[0].startswith("Accessmindforcebreakglass")
    assert principals[1].startswith("ClusterKubectlProvider")
