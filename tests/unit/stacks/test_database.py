"""The database as the Workloads stack of dev has it."""

import json
from typing import Any

import pytest

from config.environments import DEV
from tests.synthesis import Synthesis, Template, manifests, plain
from tests.tables import with_all_parts

MANIFEST = "Custom::AWSCDK-EKS-KubernetesResource"
ROLLOUT = "Custom::KubernetesRollout"


@pytest.fixture
def template(whole: Synthesis) -> Template:
    return whole.template("dev", "Workloads")


def _rollout(template: Template, kind: str) -> str:
    (found,) = (
        name
        for name, resource in template.resources(ROLLOUT).items()
        if kind in {w["kind"] for w in resource["Properties"]["Workloads"]}
    )
    return found


def _manifest(template: Template, kind: str) -> tuple[str, Any]:
    (found,) = (
        (name, resource["Properties"])
        for name, resource in template.resources(MANIFEST).items()
        if f'"kind":"{kind}"' in str(resource["Properties"]["Manifest"])
    )
    return found


def test_database_then_migrations_then_web(template: Template) -> None:
    web, _ = _manifest(template, "Deployment")
    job, _ = _manifest(template, "Job")
    database, _ = _manifest(template, "StatefulSet")
    assert template.comes_after(web, _rollout(template, "Job"))
    assert template.comes_after(job, _rollout(template, "StatefulSet"))
    assert template.comes_after(database, next(iter(template.resources("AWS::IAM::OIDCProvider"))))
    for role in template.resources("AWS::SecretsManager::Secret"):
        assert template.comes_after(database, role)


def test_what_holds_data_is_never_pruned(template: Template) -> None:
    _, properties = _manifest(template, "StatefulSet")
    assert "PruneLabel" not in properties
    _, properties = _manifest(template, "Job")
    assert "PruneLabel" in properties


def test_nobody_can_read_a_password_in_a_template(template: Template) -> None:
    for secret in template.properties("AWS::SecretsManager::Secret"):
        assert "SecretString" not in secret
        assert secret["GenerateSecretString"] == {"ExcludePunctuation": True, "PasswordLength": 40}


def _roles(template: Template) -> dict[str, tuple[Any, Any]]:
    """Trust and statements of the roles that pods get by web identity."""
    found = {}
    for name, resource in template.resources("AWS::IAM::Role").items():
        properties = resource["Properties"]
        trust = properties["AssumeRolePolicyDocument"]
        if "Fn::Sub" in trust:
            (policy,) = properties["Policies"]
            statements = policy["PolicyDocument"]["Statement"]
            found[name] = (json.loads(trust["Fn::Sub"][0]), statements)
    return found


def _statements(template: Template, role: str) -> Any:
    (found,) = (s for name, (_, s) in _roles(template).items() if role in name)
    return found


def test_each_role_is_for_its_service_accounts(template: Template) -> None:
    trusted = {}
    for trust, _ in _roles(template).values():
        (statement,) = trust["Statement"]
        assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
        condition = statement["Condition"]["StringEquals"]
        assert condition["${Issuer}:aud"] == "sts.amazonaws.com"
        trusted[tuple(condition["${Issuer}:sub"])] = 1
    assert set(trusted) == {
        ("system:serviceaccount:database:database",),
        ("system:serviceaccount:database:database-dump",),
        ("system:serviceaccount:web:web", "system:serviceaccount:web:migrations"),
    }


def test_the_archives_role_keeps_to_its_part_of_the_bucket(template: Template) -> None:
    statements = _statements(template, "Archive")
    by_service = {str(s["Action"][0]).split(":")[0]: s for s in statements}
    assert by_service["kms"]["Condition"] == {
        "StringEquals": {"kms:ViaService": f"s3.{DEV.region}.amazonaws.com"}
    }
    (objects,) = (s for s in statements if "s3:PutObject" in s["Action"])
    assert plain(objects["Resource"]).endswith("/database/*")
    (listing,) = (s for s in statements if s["Action"] == ["s3:ListBucket"])
    assert listing["Condition"] == {"StringLike": {"s3:prefix": ["database", "database/*"]}}


def test_the_dumps_role_adds_dumps_and_neither_reads_nor_deletes_one(template: Template) -> None:
    objects, key, secret = _statements(template, "Dump")
    assert objects["Action"] == ["s3:PutObject"]
    assert plain(objects["Resource"]).endswith("/dumps/*")
    assert key["Condition"] == {
        "StringEquals": {"kms:ViaService": f"s3.{DEV.region}.amazonaws.com"}
    }
    (resource,) = secret["Resource"]
    description = template["Resources"][resource["Fn::GetAtt"][0]]["Properties"]["Description"]
    assert description == "Password of the role that dumps the rows"


def test_the_web_services_role_reads_the_applications_password_only(template: Template) -> None:
    (statement,) = _statements(template, "Client")
    (resource,) = statement["Resource"]
    name = resource["Fn::GetAtt"][0]
    description = template["Resources"][name]["Properties"]["Description"]
    assert description == "Password of the application's database role"


def test_the_web_service_uses_the_database(template: Template) -> None:
    (web,) = (m for m in manifests(template) if m["kind"] == "Deployment")
    pod = web["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    env = {variable["name"]: variable["value"] for variable in container["env"]}
    url = "postgresql://app@database.database.svc:5432/app"
    assert env["DATABASE_URL"] == f"{url}?sslmode=require&channel_binding=require"
    assert env["DATABASE_POOL_SIZE"] == "10"
    assert [v["csi"]["driver"] for v in pod["volumes"]] == ["secrets-store.csi.k8s.io"]
    (provider,) = (
        m
        for m in manifests(template)
        if m["kind"] == "SecretProviderClass" and m["metadata"]["namespace"] == "web"
    )
    assert pod["volumes"][0]["csi"]["volumeAttributes"] == {
        "secretProviderClass": provider["metadata"]["name"]
    }


def test_the_members_are_those_of_the_table(template: Template) -> None:
    (database,) = (m for m in manifests(template) if m["kind"] == "StatefulSet")
    wanted = with_all_parts(DEV).database
    assert wanted is not None
    assert database["spec"]["replicas"] == wanted.members
    assert wanted.image.removeprefix("docker.io") in str(database)
