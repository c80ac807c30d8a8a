"""Who gets into a cluster: access entries, their policies, and aws-auth."""

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.clusters import ADMIN, VIEW, Cluster, principal
from tests.local_aws.support import ACCOUNT, Account, eventually


def test_node_role_may_join_by_entry_and_by_aws_auth(full: Cluster) -> None:
    name = f"arn:aws:iam::{ACCOUNT}:role/{full.account.resource(full.stack, 'NodeRole')}"
    entry = full.account.client("eks").describe_access_entry(
        clusterName=full.name, principalArn=name
    )["accessEntry"]
    assert entry["type"] == "EC2_LINUX"
    found = full.kubectl("get", "configmap", "aws-auth", "-n", "kube-system", "-o", "json")
    assert name in found["data"]["mapRoles"]


def test_entry_with_a_policy_lets_in_until_it_is_deleted(full: Cluster, person: Account) -> None:
    eks = full.account.client("eks")
    assert full.ask(person, "api/v1/nodes") == 401
    eks.create_access_entry(clusterName=full.name, principalArn=principal(full))
    eks.associate_access_policy(
        clusterName=full.name,
        principalArn=principal(full),
        policyArn=ADMIN,
        accessScope={"type": "cluster"},
    )
    # The API server keeps an answer of the webhook for some seconds.
    eventually("the person is in", lambda: full.ask(person, "api/v1/nodes") == 200)
    eks.delete_access_entry(clusterName=full.name, principalArn=principal(full))
    eventually("the person is out", lambda: full.ask(person, "api/v1/nodes") == 401)


def test_namespaced_policy_reaches_a_namespace_that_comes_later(
    full: Cluster, person: Account
) -> None:
    later = f"later-{uuid.uuid4().hex[:6]}"
    eks = full.account.client("eks")
    eks.create_access_entry(clusterName=full.name, principalArn=principal(full))
    eks.associate_access_policy(
        clusterName=full.name,
        principalArn=principal(full),
        policyArn=VIEW,
        accessScope={"type": "namespace", "namespaces": [later]},
    )
    assert full.ask(person, f"api/v1/namespaces/{later}/pods") == 403
    full.kubectl("create", "namespace", later)
    eventually(
        "the policy is there", lambda: full.ask(person, f"api/v1/namespaces/{later}/pods") == 200
    )
    assert full.ask(person, "api/v1/namespaces/default/pods") == 403


def test_aws_auth_lets_in_where_the_mode_knows_it(full: Cluster, person: Account) -> None:
    found = full.kubectl("get", "configmap", "aws-auth", "-n", "kube-system", "-o", "json")
    before = found["data"]["mapRoles"]
    somebody = "  username: somebody\n  groups: [system:masters]\n"
    named = f"- rolearn: {principal(full)}\n{somebody}"
    # The authenticator takes the path out of who comes, but not out of the line.
    with_path = named.replace(":role/", ":role/people/")

    def answers(roles: str, status: int) -> None:
        patch = json.dumps({"data": {"mapRoles": roles}})
        full.kubectl("patch", "configmap", "aws-auth", "-n", "kube-system", "-p", patch)
        eventually(f"answers {status}", lambda: full.ask(person, "api/v1/nodes") == status)

    answers(before + with_path, 401)
    answers(before + named, 200)
    # What can't be read maps nobody.
    answers(f"{before}{named}  broken: [", 401)
    answers(before, 401)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"kubernetesGroups": ["system:masters"]}, "cannot start with system:"),
        ({"username": "eks:somebody"}, "cannot start with eks:"),
        ({"username": "somebody-{{SessionName}}"}, "must have a colon before {{SessionName}}"),
    ],
)
def test_an_entry_takes_no_name_that_eks_keeps_for_itself(
    full: Cluster, names: dict[str, Any], said: str
) -> None:
    eks = full.account.client("eks")
    with pytest.raises(ClientError, match=said):
        eks.create_access_entry(clusterName=full.name, principalArn=principal(full), **names)
    assert principal(full) not in eks.list_access_entries(clusterName=full.name)["accessEntries"]


def test_a_token_serves_one_cluster(full: Cluster, bare: Cluster, person: Account) -> None:
    eks = full.account.client("eks")
    eks.create_access_entry(
        clusterName=full.name, principalArn=principal(full), kubernetesGroups=["people"]
    )
    assert full.ask(person, "api/v1/nodes") == 403
    assert full.ask(person, "api/v1/nodes", token_of=bare.name) == 401


def test_the_accounts_root_has_no_access_of_its_own(full: Cluster) -> None:
    assert full.ask(full.account, "api/v1/nodes") == 401
