"""The step from which nothing leads back, in the shared dev: last of this folder by its name."""

import json

import pytest

from config.environments import DEV
from mindforce.policy import document
from tests.local.machine import Machine
from tests.local.matrix import Question
from tests.local.roles import Roles, assume

ROLE = "in-aws-auth-only"


def test_by_entries_alone_the_table_holds_and_aws_auth_lets_nobody_in(
    dev: Machine, roles: Roles
) -> None:
    iam = dev.client("iam")
    trust = json.dumps(document({"Action": "sts:AssumeRole", "Principal": {"AWS": DEV.account}}))
    arn = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    lines = [{"rolearn": arn, "username": ROLE, "groups": ["system:masters"]}]
    patch = json.dumps({"data": {"mapRoles": json.dumps(lines)}})
    dev.kubectl("patch", "configmap", "aws-auth", "-n", "kube-system", "--patch", patch)
    token = roles.exec_token(assume(dev, dev.session, arn))
    anything = [Question("delete", "", "pods", "web")]
    assert roles.server().answers(token, anything) == [True]

    done = dev.up('access={"authentication_mode": "API", "api_only_for_good": "dev"}')
    assert done.returncode == 0, done.stderr
    with pytest.raises(PermissionError, match="Unauthorized"):
        roles.server().answers(roles.exec_token(assume(dev, dev.session, arn)), anything)
    assert roles.mapped() == [role.name for role in DEV.access.roles]
    assert roles.differences(DEV.access.roles, roles.namespaces()) == []
    iam.delete_role(RoleName=ROLE)
