"""Logging in to a local cluster as AWS identities do."""

import base64
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3

from config.people import PLATFORM_ADMIN
from local import people
from local.errors import LocalError
from local.paths import ROOT, State, cache
from local.target import AccountTarget, Target
from local.tools import build

TOKEN_SECONDS = 60
"""How long the presigned request may be used to log in; EKS accepts no more than 15 minutes."""


def session(target: AccountTarget) -> boto3.Session:
    """Return a session of the account's root."""
    return boto3.Session(
        aws_access_key_id=target.variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=target.variables["AWS_SECRET_ACCESS_KEY"],
        region_name=target.environment.region,
    )


def cluster_output(target: Target, key: str) -> str:
    """Return an output of the environment's Cluster stack. Raises LocalError when there is none."""
    name = target.environment.name
    client = session(target).client("cloudformation", endpoint_url=target.endpoint)
    for page in client.get_paginator("describe_stacks").paginate():
        for stack in page["Stacks"]:
            for output in stack.get("Outputs", []):
                if stack["StackName"] == f"{name}-Cluster" and output["OutputKey"] == key:
                    return output["OutputValue"]
    raise LocalError(f"The cluster of {name} doesn't stand here; 'make up ENV={name}' comes first.")


def role_arn(target: Target, name: str) -> str:
    """Return the ARN of a people-role. Raises LocalError for what people can't be."""
    environment = target.environment
    people_roles = {role.name: role for role in environment.access.roles if role.trusts == "people"}
    if name not in people_roles:
        right = f"ROLE must be one of {', '.join(people_roles)}"
        raise LocalError(f"People can't be {name!r} in {environment.name}; {right}.")
    return f"arn:aws:iam::{environment.account}:role/{people_roles[name].iam_name}"


def token(state: State, target: Target, cluster: str, role: str) -> dict[str, Any]:
    """Return an ExecCredential as `aws eks get-token --role-arn` prints it, with MFA.

    Raises botocore's ClientError when the role can't be assumed.
    """
    environment = target.environment
    assumed = people.assume(
        state.people,
        target.endpoint,
        account=environment.access.identity_account,
        role=role,
        region=environment.region,
    )
    return exec_credential(target, cluster, assumed)


def exec_credential(target: Target, cluster: str, assumed: Mapping[str, Any]) -> dict[str, Any]:
    """Return an ExecCredential of who holds a role's credentials."""
    signer = boto3.Session(
        aws_access_key_id=assumed["AccessKeyId"],
        aws_secret_access_key=assumed["SecretAccessKey"],
        aws_session_token=assumed["SessionToken"],
        region_name=target.environment.region,
    ).client("sts", endpoint_url=target.endpoint)

    def add_cluster(request: Any, **_: Any) -> None:
        request.headers.add_header("x-k8s-aws-id", cluster)

    signer.meta.events.register("before-sign.sts.GetCallerIdentity", add_cluster)
    url = signer.generate_presigned_url(
        "get_caller_identity", ExpiresIn=TOKEN_SECONDS, HttpMethod="GET"
    )
    encoded = base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")
    return {
        "kind": "ExecCredential",
        "apiVersion": "client.authentication.k8s.io/v1",
        "status": {"token": f"k8s-aws-v1.{encoded}"},
    }


def environment(state: State, target: Target) -> dict[str, str]:
    """Return the variables of a command that speaks to an environment as its administrator."""
    kept = {k: v for k, v in os.environ.items() if k not in ("AWS_PROFILE", "AWS_SESSION_TOKEN")}
    path = os.pathsep.join([str(build.ensure(cache(), print)), kept.get("PATH", os.defpath)])
    file = str(kubeconfig(state, target))
    own = {"KUBECONFIG": file, "PATH": path, "NO_PROXY": "127.0.0.1,localhost"}
    return {**kept, **target.variables, **own}


def kubeconfig(state: State, target: Target, role_name: str = PLATFORM_ADMIN.name) -> Path:
    """Write a kubeconfig that logs in by an IAM token of a people-role, and return its path.

    Raises LocalError when people have no such role, or the cluster doesn't stand.
    """
    name = target.environment.name
    role = role_arn(target, role_name)
    eks = session(target).client("eks", endpoint_url=target.endpoint)
    cluster = eks.describe_cluster(name=cluster_output(target, "ClusterName"))["cluster"]
    command = ["-m", "local", "--state", str(state.folder), "token", "--env", name]
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "clusters": [
            {
                "name": name,
                "cluster": {
                    "server": cluster["endpoint"],
                    "certificate-authority-data": cluster["certificateAuthority"]["data"],
                },
            }
        ],
        "users": [
            {
                "name": name,
                "user": {
                    "exec": {
                        "apiVersion": "client.authentication.k8s.io/v1",
                        "interactiveMode": "Never",
                        "command": sys.executable,
                        "args": [*command, "--cluster", cluster["name"], "--role", role],
                        "env": [{"name": "PYTHONPATH", "value": str(ROOT)}],
                    }
                },
            }
        ],
    }
    path = state.folder / f"kubeconfig-{name}-{role_name}.json"
    path.write_text(json.dumps(config, indent=1))
    path.chmod(0o600)
    return path
