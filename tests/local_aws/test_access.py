"""Who gets into a cluster: access entries, their policies, and aws-auth."""

import json
import uuid

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
    line = f"- rolearn: {principal(full)}\n  username: somebody\n  groups: [system:masters]\n"
    for roles, status in ((before + line, 200), (before, 401)):
        patch = json.dumps({"data": {"mapRoles": roles}})
        full.kubectl("patch", "configmap", "aws-auth", "-n", "kube-system", "-p", patch)
        eventually(
            f"answers {status}",
            lambda wanted=status: (
                full.ask(  # type: ignore[misc]
                    person, "api/v1/nodes"
                )
                == wanted
            ),
        )


def test_a_token_serves_one_cluster(full: Cluster, bare: Cluster, person: Account) -> None:
    eks = full.account.client("eks")
    eks.create_access_entry(
        clusterName=full.name, principalArn=principal(full), kubernetesGroups=["people"]
    )
    assert full.ask(person, "api/v1/nodes") == 403
    assert full.ask(person, "api/v1/nodes", token_of=bare.name) == 401


def test_the_accounts_root_has_no_access_of_its_own(full: Cluster) -> None:
    assert full.ask(full.account, "api/v1/nodes") == 401
