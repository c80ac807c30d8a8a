"""Who may log in to a cluster, in each way of mapping roles."""

import json
from dataclasses import replace
from typing import Any

import pytest

from config.environments import DEV, STAGE, TABLE
from config.people import PIPELINE
from tests.synthesis import Synthesis, Template, manifests, plain, references

ENTRY = "AWS::EKS::AccessEntry"
PATCH = "Custom::AWSCDK-EKS-KubernetesPatch"
BY_AWS_AUTH = replace(DEV, access=replace(DEV.access, mode="aws-auth"))
API_ONLY = replace(
    STAGE,
    access=replace(STAGE.access, authentication_mode="API", api_only_for_good="stage"),
)


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    """Dev by aws-auth, stage by access entries for good."""
    table = replace(TABLE, environments=(BY_AWS_AUTH, API_ONLY))
    return Synthesis(table, tmp_path_factory.mktemp("cdk.out"))


@pytest.fixture
def by_entries(synthesis: Synthesis) -> Template:
    return synthesis.template("dev", "Cluster")


@pytest.fixture
def by_aws_auth(others: Synthesis) -> Template:
    return others.template("dev", "Cluster")


def _people(template: Template) -> dict[str, Any]:
    """The table's IAM roles, by name."""
    roles = template.properties("AWS::IAM::Role")
    return {role["RoleName"]: role for role in roles if "RoleName" in role}


def _mapped(template: Template) -> set[str]:
    """Names of the roles that have an access entry; those of machines that CDK made have none."""
    roles = template.resources("AWS::IAM::Role")
    principals = {
        name for e in template.properties(ENTRY) for name in references(e["PrincipalArn"])
    }
    return {roles[name]["Properties"].get("RoleName", "a machine") for name in principals}


def _lines(patch: str) -> list[Any]:
    lines: list[Any] = json.loads(json.loads(patch)["data"]["mapRoles"])
    return lines


def test_people_come_from_the_identity_account_with_a_second_factor(synthesis: Synthesis) -> None:
    for environment in TABLE.environments:
        people = _people(synthesis.template(environment.name, "Cluster"))
        assert set(people) == {role.iam_name for role in environment.access.roles}
        for role in environment.access.roles:
            made = people[role.iam_name]
            (statement,) = made["AssumeRolePolicyDocument"]["Statement"]
            account = environment.access.identity_account
            assert plain(statement["Principal"]["AWS"]).endswith(f":iam::{account}:root")
            assert statement["Action"] == "sts:AssumeRole"
            assert made["MaxSessionDuration"] == role.session_hours * 3600
            wanted = {
                "people": {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
                "pipeline": {"ArnEquals": {"aws:PrincipalArn": environment.access.pipeline_role}},
            }
            assert statement["Condition"] == wanted[role.trusts]


def test_a_role_may_do_nothing_in_its_account_but_look(by_entries: Template) -> None:
    (cluster,) = by_entries.resources("AWS::EKS::Cluster")
    for name, role in _people(by_entries).items():
        policy, *more = role["Policies"]
        (statement,) = policy["PolicyDocument"]["Statement"]
        assert statement["Action"] == "eks:DescribeCluster"
        assert set(references(statement["Resource"])) == {cluster}
        assert "ManagedPolicyArns" not in role
        # The pipeline's also looks whether a deploy raised an alarm.
        actions = [one["PolicyDocument"]["Statement"][0]["Action"] for one in more]
        assert actions == (["cloudwatch:DescribeAlarms"] if name == PIPELINE.iam_name else [])


@pytest.mark.parametrize("mode", ["by_entries", "by_aws_auth"])
def test_break_glass_the_pipeline_and_deploys_need_no_config_map(
    mode: str, request: pytest.FixtureRequest
) -> None:
    template: Template = request.getfixturevalue(mode)
    assert _mapped(template) >= {"mindforce-break-glass", "mindforce-pipeline", "a machine"}
    admins = [e for e in template.properties(ENTRY) if "ClusterAdminPolicy" in str(e)]
    assert len(admins) == 2


@pytest.mark.parametrize("mode", ["by_entries", "by_aws_auth"])
def test_no_entry_has_a_group_of_the_systems(mode: str, request: pytest.FixtureRequest) -> None:
    for entry in request.getfixturevalue(mode).properties(ENTRY):
        assert not any(group.startswith("system:") for group in entry.get("KubernetesGroups", ()))


def test_aws_auth_maps_the_people_beside_the_nodes(by_aws_auth: Template) -> None:
    assert _mapped(by_aws_auth) == {"mindforce-break-glass", "mindforce-pipeline", "a machine"}
    patch = by_aws_auth.only(PATCH)
    assert patch["ResourceName"] == "configmap/aws-auth"
    assert patch["ResourceNamespace"] == "kube-system"
    nodes, *people = _lines(plain(patch["ApplyPatchJson"]))
    assert nodes["groups"] == ["system:bootstrappers", "system:nodes"]
    assert [line["groups"] for line in people] == [
        [f"mindforce:{name}"] for name in ("platform-admin", "developer", "viewer", "on-call")
    ]
    # Without a path, which aws-auth doesn't match.
    assert not any("Path" in role for role in _people(by_aws_auth).values())
    # Whoever takes the patch away leaves the nodes in.
    assert _lines(plain(patch["RestorePatchJson"])) == [nodes]


def test_aws_auth_is_written_over_what_eks_wrote_for_the_nodes(by_aws_auth: Template) -> None:
    (patch,) = by_aws_auth.resources(PATCH)
    for group in by_aws_auth.resources("AWS::EKS::Nodegroup"):
        assert by_aws_auth.comes_after(patch, group)


def test_the_mode_is_no_matter_of_what_a_role_may_do(
    by_entries: Template, by_aws_auth: Template
) -> None:
    assert manifests(by_entries) == manifests(by_aws_auth)


def test_api_only_changes_one_property_and_replaces_nothing(
    synthesis: Synthesis, others: Synthesis
) -> None:
    before = json.loads(synthesis.template("stage", "Cluster").text)
    after = json.loads(others.template("stage", "Cluster").text)
    (name,) = (n for n, r in before["Resources"].items() if r["Type"] == "AWS::EKS::Cluster")
    access = before["Resources"][name]["Properties"]["AccessConfig"]
    assert access["AuthenticationMode"] == "API_AND_CONFIG_MAP"
    access["AuthenticationMode"] = "API"
    assert after == before


OF_PODS = {"backup-freshness", "database", "restore-drill"}
"""Roles that are for pods."""
GATE = "mindforce-rollout-gate:everywhere"


def test_what_leaves_the_table_leaves_the_cluster(synthesis: Synthesis) -> None:
    """kubectl takes rules away but never an object: each role has all of its objects."""
    for environment in TABLE.environments:
        groups = {r.group for r in environment.access.roles if not r.break_glass}
        for stack, scope, suffix in (("Cluster", "Cluster", ":everywhere"), ("Workloads", "", "")):
            objects = manifests(synthesis.template(environment.name, stack))
            for kind in (f"{scope}Role", f"{scope}RoleBinding"):
                found = {o["metadata"]["name"] for o in objects if o["kind"] == kind} - OF_PODS
                assert found - {GATE} == {f"{group}{suffix}" for group in groups}
