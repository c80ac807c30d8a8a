from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from config.environments import DEV, PROD, TABLE
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


def test_without_a_name_nobody_outside_of_the_vpc_reaches_the_api_server(
    synthesis: Synthesis,
) -> None:
    for environment in TABLE.environments:
        template = synthesis.template(environment.name, "Cluster")
        network = template.only("AWS::EKS::Cluster")["ResourcesVpcConfig"]
        assert network["EndpointPublicAccess"] is bool(environment.cluster.endpoint_cidrs)
        assert network["EndpointPrivateAccess"] is True


def test_who_is_named_reaches_the_api_server_from_outside_and_nobody_else(tmp_path: Path) -> None:
    named = ("1.2.3.0/24", "9.8.7.6/32")
    open_to = replace(DEV, cluster=replace(DEV.cluster, endpoint_cidrs=named))
    table = replace(TABLE, environments=(open_to,))
    template = Synthesis(table, tmp_path).template("dev", "Cluster")
    network = template.only("AWS::EKS::Cluster")["ResourcesVpcConfig"]
    assert network["EndpointPublicAccess"] is True
    assert network["PublicAccessCidrs"] == list(named)
    # Nodes and the kubectl provider go on by the VPC.
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
    assert (
        template["Resources"][group]["Properties"]["RetentionInDays"]
        == PROD.cluster.log_retention_days
    )
    (name,) = template.resources("AWS::EKS::Cluster")
    assert template.comes_after(name, group)


def test_what_would_replace_the_cluster_later_is_settled(cluster: Any) -> None:
    assert cluster["Name"] == "prod"
    assert cluster["BootstrapSelfManagedAddons"] is False
    access = cluster["AccessConfig"]
    assert access["BootstrapClusterCreatorAdminPermissions"] is False
    assert access["AuthenticationMode"] == PROD.access.authentication_mode


def test_what_the_table_protects_cannot_be_deleted_by_mistake(synthesis: Synthesis) -> None:
    for environment in TABLE.environments:
        cluster = synthesis.template(environment.name, "Cluster").only("AWS::EKS::Cluster")
        assert cluster["DeletionProtection"] is environment.deletion_protection
        for stack in synthesis.stacks(environment.name):
            assert bool(stack.termination_protection) is environment.deletion_protection


def test_whether_a_lost_zone_is_left_and_what_support_costs_is_the_tables(cluster: Any) -> None:
    assert cluster["ZonalShiftConfig"] == {"Enabled": PROD.cluster.zonal_shift}
    assert cluster["UpgradePolicy"] == {"SupportType": PROD.cluster.support_type}


def test_only_break_glass_and_the_kubectl_provider_are_let_do_anything_by_eks(
    template: Template,
) -> None:
    entries = [e for e in template.properties("AWS::EKS::AccessEntry") if "AccessPolicies" in e]
    principals = sorted(str(next(references(entry["PrincipalArn"]))) for entry in entries)
    assert len(principals) == 2
    assert principals[0].startswith("Accessmindforcebreakglass")
    assert principals[1].startswith("ClusterKubectlProvider")
