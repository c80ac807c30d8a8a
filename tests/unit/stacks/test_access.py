"""Who may log in to a cluster, in each way of mapping roles."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from config.access import STARTED, Role
from config.environments import DEV, STAGE, TABLE
from config.model import Environment
from config.people import PIPELINE
from stacks.access import everywhere, starting
from tests.permissions import listed
from tests.synthesis import Synthesis, Template, manifests, plain, references
from tests.tables import api_only, aws_auth, with_all_parts

ENTRY = "AWS::EKS::AccessEntry"
PATCH = "Custom::AWSCDK-EKS-KubernetesPatch"
BY_AWS_AUTH = aws_auth(with_all_parts(DEV))
API_ONLY = api_only(with_all_parts(STAGE))


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    """Dev by aws-auth, stage by access entries for good."""
    table = replace(TABLE, environments=(BY_AWS_AUTH, API_ONLY))
    return Synthesis(table, tmp_path_factory.mktemp("cdk.out"))


@pytest.fixture
def by_entries(whole: Synthesis) -> Template:
    return whole.template("dev", "Cluster")


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


READS = ("Describe", "Filter", "Get", "List", "StartQuery")


@pytest.mark.parametrize("mode", ["by_entries", "by_aws_auth"])
def test_a_role_may_do_nothing_in_its_account_but_look(
    mode: str, request: pytest.FixtureRequest
) -> None:
    template: Template = request.getfixturevalue(mode)
    (cluster,) = template.resources("AWS::EKS::Cluster")
    roles = _people(template)
    for role in DEV.access.roles:
        assert "ManagedPolicyArns" not in roles[role.iam_name]
        found = _sees(roles[role.iam_name])
        ((address,),) = (found.pop("kubeconfig"),)
        assert address["Action"] == "eks:DescribeCluster"
        assert set(references(address["Resource"])) == {cluster}
        assert set(found) == set(role.sees)
        for statement in (one for statements in found.values() for one in statements):
            for action in listed(statement["Action"]):
                assert action.partition(":")[2].startswith(READS), action


def test_nobody_looks_at_what_holds_data(by_entries: Template) -> None:
    (cluster,) = by_entries.resources("AWS::EKS::Cluster")
    (encryption,) = by_entries["Resources"][cluster]["Properties"]["EncryptionConfig"]
    people = _people(by_entries)
    assert set(_sees(people[PIPELINE.iam_name])) == {"kubeconfig", "alarms"}
    found = _sees(people["mindforce-on-call"])
    services = {
        action.partition(":")[0]
        for statements in found.values()
        for one in statements
        for action in listed(one["Action"])
    }
    assert services == {"cloudwatch", "eks", "kms", "logs"}
    (key,) = found["cluster-key"]
    assert key["Action"] == "kms:DescribeKey"
    assert key["Resource"] == encryption["Provider"]["KeyArn"]
    reading, _ = found["logs"]
    names = ("cluster", "pods")
    assert [plain(one).rpartition(":log-group:")[2] for one in reading["Resource"]] == [
        f"/aws/eks/dev/{name}:*" for name in names
    ]


def _sees(role: Mapping[str, Any]) -> dict[str, list[Any]]:
    """What a role may do in its account: statements by the policy they are in."""
    return {one["PolicyName"]: one["PolicyDocument"]["Statement"] for one in role["Policies"]}


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
    whole: Synthesis, others: Synthesis
) -> None:
    before = json.loads(whole.template("stage", "Cluster").text)
    after = json.loads(others.template("stage", "Cluster").text)
    (name,) = (n for n, r in before["Resources"].items() if r["Type"] == "AWS::EKS::Cluster")
    access = before["Resources"][name]["Properties"]["AccessConfig"]
    assert access["AuthenticationMode"] == "API_AND_CONFIG_MAP"
    access["AuthenticationMode"] = "API"
    assert after == before


OF_PODS = {"backup-freshness", "database", "restore-drill"}
"""Roles that are for pods."""
GATE = "mindforce-rollout-gate:everywhere"
STARTS = {f"start-{name}" for name in STARTED}
"""Roles that one or more of the table's are bound to."""


def test_what_leaves_the_table_leaves_the_cluster(synthesis: Synthesis) -> None:
    """kubectl takes rules away but never an object: each role has all of its objects."""
    for environment in TABLE.environments:
        groups = {r.group for r in environment.access.roles if not r.break_glass}
        for stack, scope, suffix in (("Cluster", "Cluster", ":everywhere"), ("Workloads", "", "")):
            objects = manifests(synthesis.template(environment.name, stack))
            for kind in (f"{scope}Role", f"{scope}RoleBinding"):
                found = {o["metadata"]["name"] for o in objects if o["kind"] == kind} - OF_PODS
                assert found - STARTS - {GATE} == {f"{group}{suffix}" for group in groups}


def _starting(roles: Sequence[Role]) -> list[Any]:
    return [*everywhere(roles), *starting(roles, list(STARTED.values()))]


def test_who_starts_nothing_any_more_leaves_the_subjects_and_no_object() -> None:
    before, after = (
        [item for item in _starting(roles) if item["metadata"]["name"] in STARTS]
        for roles in (DEV.access.roles, [replace(role, starts=()) for role in DEV.access.roles])
    )
    assert len(before) == 4 * len(STARTED)
    for one, other in zip(before, after, strict=True):
        assert (one["kind"], one["metadata"]) == (other["kind"], other["metadata"])
        if one["kind"] == "RoleBinding":
            assert [subject["name"] for subject in one["subjects"]] == ["mindforce:on-call"]
            assert other["subjects"] == []


@pytest.mark.parametrize("environment", TABLE.environments, ids=lambda e: e.name)
def test_whoever_may_make_a_job_is_held_to_the_cron_job(
    whole: Synthesis, environment: Environment
) -> None:
    """By the API server: tests/local_kubernetes/test_job_starters.py has what it lets through."""
    standing = manifests(whole.template(environment.name, "Cluster"))
    policies, bindings = (
        {o["metadata"]["name"]: o["spec"] for o in standing if o["kind"] == f"Validating{kind}"}
        for kind in ("AdmissionPolicy", "AdmissionPolicyBinding")
    )
    applied = manifests(whole.template(environment.name, "Workloads"))
    rights = [o for o in applied if o["kind"] == "RoleBinding" and o["roleRef"]["name"] in STARTS]
    jobs = {
        (o["metadata"]["namespace"], o["metadata"]["name"])
        for o in applied
        if o["kind"] == "CronJob"
    }
    assert {right["metadata"]["namespace"] for right in rights} == set(STARTED.values())
    for right in rights:
        policy, binding = policies[right["roleRef"]["name"]], bindings[right["roleRef"]["name"]]
        assert binding["policyName"] == right["roleRef"]["name"]
        assert binding["validationActions"] == ["Deny"]
        param = binding["paramRef"]
        # Else nobody could make a Job as long as it isn't there.
        assert param["parameterNotFoundAction"] == "Allow"
        space = right["metadata"]["namespace"]
        assert (space, param["name"]) in jobs
        where = binding["matchResources"]["namespaceSelector"]["matchLabels"]
        assert where == {"kubernetes.io/metadata.name": space}
        assert policy["failurePolicy"] == "Fail"
        (groups,) = policy["matchConditions"]
        (elsewhere,) = policies["start-nowhere-else"]["matchConditions"]
        for subject in right["subjects"]:
            assert f"'{subject['name']}'" in groups["expression"]
            assert f"'{subject['name']}'" in elsewhere["expression"]


def test_nobody_else_makes_jobs_where_service_accounts_have_rights() -> None:
    for role in TABLE.environments[-1].access.roles:
        for rule in role.rules:
            writes = set(rule.verbs) & {"create", "update", "patch"}
            if role.name != "platform-admin":
                assert not (writes and {"workloads", "pods"} & set(rule.resources)), role.name
