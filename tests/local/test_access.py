"""Who gets into dev's cluster and what they may do there, in both ways of mapping roles."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
import yaml
from botocore.exceptions import ClientError

from config.access import Role
from config.environments import DEV
from local import access
from tests.local.machine import Machine
from tests.local.matrix import ApiServer, by_the_table, questions

TABLE = DEV.access
ASKED = list(questions())


@pytest.fixture(scope="module")
def pipeline(dev: Machine) -> Iterator[boto3.Session]:
    """The session of the role in the pipeline's account that may be what trusts the pipeline."""
    account, name = TABLE.pipeline_role.split(":")[4], TABLE.pipeline_role.rpartition("/")[2]
    root = boto3.Session(account, "test", region_name=DEV.region)
    iam = root.client("iam", endpoint_url=dev.target.endpoint)
    allow = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    trust = {**allow, "Principal": {"AWS": f"arn:aws:iam::{account}:root"}}
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=_document(trust))
    policy = _document({**allow, "Resource": "*"})
    iam.put_role_policy(RoleName=name, PolicyName="assume", PolicyDocument=policy)
    yield _session(_assume(dev, root, TABLE.pipeline_role))
    iam.delete_role_policy(RoleName=name, PolicyName="assume")
    iam.delete_role(RoleName=name)


def _document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _assume(dev: Machine, session: boto3.Session, role: str, **more: Any) -> Any:
    sts = session.client("sts", endpoint_url=dev.target.endpoint)
    return sts.assume_role(RoleArn=role, RoleSessionName="test", **more)["Credentials"]


def _session(credentials: Any) -> boto3.Session:
    return boto3.Session(
        credentials["AccessKeyId"],
        credentials["SecretAccessKey"],
        credentials["SessionToken"],
        region_name=DEV.region,
    )


def _arn(role: Role) -> str:
    return f"arn:aws:iam::{DEV.account}:role/{role.iam_name}"


def _token(dev: Machine, role: Role, pipeline: boto3.Session) -> str:
    if role.trusts == "people":
        return dev.token(_arn(role))
    credentials = _assume(dev, pipeline, _arn(role))
    token: str = access.exec_credential(dev.target, "dev", credentials)["status"]["token"]
    return token


def _server(dev: Machine) -> ApiServer:
    cluster = dev.client("eks").describe_cluster(name="dev")["cluster"]
    return ApiServer(cluster["endpoint"], cluster["certificateAuthority"]["data"])


def _differences(dev: Machine, role: Role, pipeline: boto3.Session) -> list[str]:
    answers = _server(dev).answers(_token(dev, role, pipeline), ASKED)
    return [
        f"{role.name} {'may' if answer else 'may not'} {' '.join(question)}"
        for question, answer in zip(ASKED, answers, strict=True)
        if answer != by_the_table(role, question)
    ]


def _mapped(dev: Machine) -> list[str]:
    """The people-roles that have an access entry."""
    entries = dev.client("eks").list_access_entries(clusterName="dev")["accessEntries"]
    return [role.name for role in TABLE.roles if _arn(role) in entries]


def test_each_role_may_do_what_the_table_says_by_access_entries(
    dev: Machine, pipeline: boto3.Session
) -> None:
    assert _mapped(dev) == [role.name for role in TABLE.roles]
    assert [d for role in TABLE.roles for d in _differences(dev, role, pipeline)] == []


def test_each_role_may_do_the_same_by_aws_auth_and_one_that_leaves_is_nobody(
    dev: Machine, pipeline: boto3.Session
) -> None:
    viewer = TABLE.role("viewer")
    number = TABLE.roles.index(viewer)
    before = dev.token(_arn(viewer))
    try:
        done = dev.up("access.mode=aws-auth", f"access.roles.{number}=null")
        assert done.returncode == 0, done.stderr
        assert _mapped(dev) == ["pipeline", "break-glass"]
        others = [role for role in TABLE.roles if role != viewer]
        assert [d for role in others for d in _differences(dev, role, pipeline)] == []
        with pytest.raises(PermissionError, match="Unauthorized"):
            _server(dev).answers(before, ASKED[:1])
        with pytest.raises(ClientError, match="AccessDenied"):
            dev.token(_arn(viewer))
        nodes = dev.kubectl("get", "nodes", "-o", "json")["items"]
        assert len(nodes) == 2
        assert _lines(dev)[0]["groups"] == ["system:bootstrappers", "system:nodes"]
    finally:
        done = dev.up()
    assert done.returncode == 0, done.stderr
    (line,) = _lines(dev)
    assert line["username"] == "system:node:{{EC2PrivateDNSName}}"
    assert _mapped(dev) == [role.name for role in TABLE.roles]


def _lines(dev: Machine) -> list[Any]:
    """What aws-auth maps; the nodes' lines come first."""
    found = dev.kubectl("get", "configmap", "aws-auth", "-n", "kube-system", "-o", "json")
    return list(yaml.safe_load(found["data"]["mapRoles"]))


def test_who_it_was_is_in_the_users_name(dev: Machine) -> None:
    said = dev.kubectl("auth", "whoami", "-o", "json", token=dev.token(_arn(TABLE.role("viewer"))))
    assert said["status"]["userInfo"]["username"] == "mindforce:viewer:somebody"
    assert "mindforce:viewer" in said["status"]["userInfo"]["groups"]


@pytest.mark.parametrize("role", [role for role in TABLE.roles if role.trusts == "people"])
def test_nobody_is_a_person_without_a_second_factor(dev: Machine, role: Role) -> None:
    person = json.loads(dev.state.people.read_text())[TABLE.identity_account]
    session = boto3.Session(person["key"], person["secret"], region_name=DEV.region)
    with pytest.raises(ClientError, match="AccessDenied"):
        _assume(dev, session, _arn(role))
    with pytest.raises(ClientError, match="AccessDenied"):
        _assume(dev, dev.session, _arn(role))


def test_only_the_pipelines_role_is_the_pipeline(dev: Machine, pipeline: boto3.Session) -> None:
    role = _arn(TABLE.role("pipeline"))
    _assume(dev, pipeline, role)
    with pytest.raises(ClientError, match="AccessDenied"):
        dev.token(role)


def test_a_session_lasts_as_long_as_the_table_says(dev: Machine) -> None:
    iam = dev.client("iam")
    lasts = {r.name: iam.get_role(RoleName=r.iam_name)["Role"] for r in TABLE.roles}
    assert {name: made["MaxSessionDuration"] // 3600 for name, made in lasts.items()} == {
        role.name: role.session_hours for role in TABLE.roles
    }


def test_a_kubeconfig_logs_in_as_the_role_it_is_for(dev: Machine) -> None:
    done = dev.run("kubeconfig", "--role", "viewer")
    assert done.returncode == 0, done.stderr
    # Of two kubeconfigs kubectl takes the last.
    said = dev.kubectl("auth", "whoami", "-o", "json", "--kubeconfig", done.stdout.strip())
    assert said["status"]["userInfo"]["username"].startswith("mindforce:viewer:")
    refused = dev.run("kubeconfig", "--role", "pipeline")
    assert refused.returncode == 1
    assert "People can't be 'pipeline' in dev; ROLE must be one of" in refused.stderr
