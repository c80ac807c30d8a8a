"""Who gets into dev's cluster and what they may do there, in both ways of mapping roles."""

import json
import re
import time
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
import yaml
from botocore.exceptions import ClientError

from config.access import Role
from config.environments import DEV
from local import totp
from local.paths import ROOT
from tests.local.machine import Machine
from tests.local.matrix import Question
from tests.local.roles import Roles, assume

TABLE = DEV.access


def test_each_role_may_do_what_the_table_says_by_access_entries(roles: Roles) -> None:
    assert roles.mapped() == [role.name for role in TABLE.roles]
    everywhere = roles.namespaces()
    assert {"database", "kube-system", "logging", "velero", "web"} <= set(everywhere)
    assert roles.differences(TABLE.roles, everywhere) == []


def test_each_role_may_do_the_same_by_aws_auth_and_one_that_leaves_is_nobody(
    dev: Machine, roles: Roles
) -> None:
    viewer = TABLE.role("viewer")
    try:
        done = dev.up("access.mode=aws-auth")
        assert done.returncode == 0, done.stderr
        assert roles.mapped() == ["pipeline", "break-glass"]
        # Who somebody is comes another way; what their group may do is where it was.
        assert roles.differences(TABLE.roles, roles.namespaces()) == []
        nodes = dev.kubectl("get", "nodes", "-o", "json")["items"]
        assert len(nodes) == 2
        assert _lines(dev)[0]["groups"] == ["system:bootstrappers", "system:nodes"]
        before = roles.token(viewer)
        number = TABLE.roles.index(viewer)
        done = dev.up("access.mode=aws-auth", f"access.roles.{number}=null")
        assert done.returncode == 0, done.stderr
        with pytest.raises(PermissionError, match="Unauthorized"):
            roles.server().answers(before, [Question("get", "", "pods", "web")])
        with pytest.raises(ClientError, match="AccessDenied"):
            roles.token(viewer)
    finally:
        done = dev.up()
    assert done.returncode == 0, done.stderr
    (line,) = _lines(dev)
    assert line["username"] == "system:node:{{EC2PrivateDNSName}}"
    assert roles.mapped() == [role.name for role in TABLE.roles]


def _lines(dev: Machine) -> list[Any]:
    """What aws-auth maps; the nodes' lines come first."""
    found = dev.kubectl("get", "configmap", "aws-auth", "-n", "kube-system", "-o", "json")
    return list(yaml.safe_load(found["data"]["mapRoles"]))


def test_who_it_was_is_in_the_users_name(dev: Machine, roles: Roles) -> None:
    token = roles.token(TABLE.role("viewer"))
    said = dev.kubectl("auth", "whoami", "-o", "json", token=token)
    assert said["status"]["userInfo"]["username"] == "mindforce:viewer:somebody"
    assert "mindforce:viewer" in said["status"]["userInfo"]["groups"]


@pytest.mark.parametrize("role", [role for role in TABLE.roles if role.trusts == "people"])
def test_nobody_is_a_person_without_a_second_factor(dev: Machine, roles: Roles, role: Role) -> None:
    person = json.loads(dev.state.people.read_text())[TABLE.identity_account]
    session = boto3.Session(person["key"], person["secret"], region_name=DEV.region)
    with pytest.raises(ClientError, match="AccessDenied"):
        assume(dev, session, roles.arn(role))
    with pytest.raises(ClientError, match="AccessDenied"):
        assume(dev, dev.session, roles.arn(role))


def test_only_the_pipelines_role_is_the_pipeline(dev: Machine, roles: Roles) -> None:
    role = roles.arn(TABLE.role("pipeline"))
    assume(dev, roles.pipeline, role)
    with pytest.raises(ClientError, match="AccessDenied"):
        dev.token(role)


def test_the_profile_of_the_readme_gets_in_with_a_code(
    dev: Machine, roles: Roles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = json.loads(dev.state.people.read_text())[TABLE.identity_account]
    (profile,) = re.findall(r"```ini\n(.+?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    device = person["serial"].rpartition("/")[2]
    mine = {"IDENTITY-ACCOUNT": TABLE.identity_account, "ACCOUNT": DEV.account, "DEVICE": device}
    for name, value in mine.items():
        profile = profile.replace(name, value)
    (tmp_path / "config").write_text(profile)
    key = f"aws_access_key_id = {person['key']}\naws_secret_access_key = {person['secret']}\n"
    (tmp_path / "credentials").write_text(f"[me]\n{key}")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", dev.target.endpoint)
    session = botocore.session.Session(profile="prod-viewer")
    provider = session.get_component("credential_provider").get_provider("assume-role")
    # Where the CLI asks its user.
    monkeypatch.setattr(provider, "_prompter", lambda _: totp.code(person["seed"], time.time()))
    # What `aws eks update-kubeconfig` asks for, and then `aws eks get-token`.
    logged_in = boto3.Session(botocore_session=session)
    logged_in.client("eks").describe_cluster(name="dev")
    found = logged_in.get_credentials()
    assert found is not None
    key_id, secret, token = found.get_frozen_credentials()[:3]
    credentials = {"AccessKeyId": key_id, "SecretAccessKey": secret, "SessionToken": token}
    said = dev.kubectl("auth", "whoami", "-o", "json", token=roles.exec_token(credentials))
    assert said["status"]["userInfo"]["username"].startswith("mindforce:viewer:")


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
