"""Whom every role of an environment lets in: exactly, so that anybody more is a change here."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from config.environments import TABLE
from config.model import Environment
from config.people import PIPELINE
from guards.assembly import Template, resources
from tests.synthesis import Synthesis, plain

POD = frozenset(
    {"aws:RequestTag/kubernetes-namespace", "aws:RequestTag/kubernetes-service-account"}
)
OF_CLUSTER = "aws:RequestTag/eks-cluster-"
SERVICES: Mapping[str, frozenset[str]] = {
    "ec2.amazonaws.com": frozenset(),
    "ecr.amazonaws.com": frozenset(),
    "eks.amazonaws.com": frozenset(),
    "lambda.amazonaws.com": frozenset(),
    "pods.eks.amazonaws.com": POD,
    "vpc-flow-logs.amazonaws.com": frozenset({"aws:SourceArn", "aws:SourceAccount"}),
}
"""The services that roles trust, and the keys by which each is held to what it is for."""


def statements(role: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the statements of a role's trust policy, also of one that is written as text."""
    document = role["AssumeRolePolicyDocument"]
    if "Fn::Sub" in document:
        document = json.loads(document["Fn::Sub"][0])
    yield from document["Statement"]


@pytest.fixture(params=TABLE.environments, ids=lambda one: one.name)
def environment(request: pytest.FixtureRequest) -> Environment:
    found: Environment = request.param
    return found


@pytest.fixture
def roles(environment: Environment, synthesis: Synthesis) -> list[Mapping[str, Any]]:
    return [
        resource["Properties"]
        for _, _, resource in resources(synthesis.templates()[environment.name])
        if resource["Type"] == "AWS::IAM::Role"
    ]


def trusted(roles: list[Mapping[str, Any]], kind: str) -> Iterator[tuple[Mapping[str, Any], Any]]:
    """Yield the statements that trust a kind of principal, and the principal."""
    for role in roles:
        for statement in statements(role):
            assert len(statement["Principal"]) == 1
            if kind in statement["Principal"]:
                yield {**statement, "Role": role.get("RoleName")}, statement["Principal"][kind]


def keys(statement: Mapping[str, Any]) -> set[str]:
    return {key for values in statement.get("Condition", {}).values() for key in values}


def test_nobody_else_is_let_in(environment: Environment, roles: list[Mapping[str, Any]]) -> None:
    found = {kind for role in roles for one in statements(role) for kind in one["Principal"]}
    # What pods of the database and its clients are let in by.
    assert found == {"AWS", "Service", *(["Federated"] if environment.database else [])}
    assert all(one["Effect"] == "Allow" for role in roles for one in statements(role))


def test_the_services_are_those_that_roles_are_for(
    environment: Environment, roles: list[Mapping[str, Any]]
) -> None:
    found: dict[str, set[frozenset[str]]] = {}
    for statement, service in trusted(roles, "Service"):
        held = {key for key in keys(statement) if not key.startswith(OF_CLUSTER)}
        found.setdefault(service, set()).add(frozenset(held))
    wanted = {service: {held} for service, held in SERVICES.items()}
    if not environment.images.docker_hub_secret:
        # What ECR would cache comes from Docker Hub itself.
        del wanted["ecr.amazonaws.com"]
    assert found == wanted


def test_pods_are_those_of_this_cluster(roles: list[Mapping[str, Any]]) -> None:
    for statement, service in trusted(roles, "Service"):
        if service == "pods.eks.amazonaws.com":
            (operator,) = statement["Condition"]
            assert operator == "StringEquals"
            assert any(key.startswith(OF_CLUSTER) for key in keys(statement))
            assert "*" not in json.dumps(statement["Condition"])


def test_an_account_is_trusted_only_for_people_and_for_the_pipelines_role(
    environment: Environment, roles: list[Mapping[str, Any]]
) -> None:
    access = environment.access
    person = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    pipeline = {"ArnEquals": {"aws:PrincipalArn": access.pipeline_role}}
    found = {
        statement["Role"]: (plain(principal), statement["Condition"])
        for statement, principal in trusted(roles, "AWS")
    }
    root = "arn:<reference>:iam::{}:root"
    assert found == {
        role.iam_name: (
            (root.format(TABLE.tooling.account), pipeline)
            if role == PIPELINE
            else (root.format(access.identity_account), person)
        )
        for role in access.roles
    }


def test_the_clusters_tokens_are_taken_of_named_accounts_only(
    environment: Environment, synthesis: Synthesis, roles: list[Mapping[str, Any]]
) -> None:
    templates: Mapping[str, Template] = synthesis.templates()[environment.name]
    providers = {
        name for _, name, one in resources(templates) if one["Type"] == "AWS::IAM::OIDCProvider"
    }
    for role in roles:
        document = role["AssumeRolePolicyDocument"]
        if "Fn::Sub" in document:
            assert document["Fn::Sub"][1]["Provider"]["Fn::GetAtt"][0] in providers
    accounts = set[str]()
    for statement, principal in trusted(roles, "Federated"):
        assert principal == "${Provider}"
        (condition,) = statement["Condition"].values()
        assert set(statement["Condition"]) == {"StringEquals"}
        assert condition.pop("${Issuer}:aud") == "sts.amazonaws.com"
        accounts |= set(condition.pop("${Issuer}:sub"))
        assert not condition
    of_the_database = ("database:database", "database:database-dump", "web:web", "web:migrations")
    wanted = of_the_database if environment.database else ()
    assert accounts == {f"system:serviceaccount:{one}" for one in wanted}
