"""Logging in to a local cluster as AWS identities do."""

import base64
import json
import sys
from pathlib import Path
from typing import Any

import boto3

from local.errors import LocalError
from local.paths import ROOT, State
from local.target import Target

TOKEN_SECONDS = 60
"""How long the presigned request may be used to log in; EKS accepts no more than 15 minutes."""


def session(target: Target) -> boto3.Session:
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


def admin_role(target: Target) -> str:
    return cluster_output(target, "AdminRoleArn")


def token(target: Target, cluster: str, role: str) -> dict[str, Any]:
    """Return an ExecCredential as `aws eks get-token --role-arn` prints it.

    Raises botocore's ClientError when the role can't be assumed.
    """
    sts = session(target).client("sts", endpoint_url=target.endpoint)
    assumed = sts.assume_role(RoleArn=role, RoleSessionName="mindforce")["Credentials"]
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


def kubeconfig(state: State, target: Target) -> Path:
    """Write a kubeconfig that logs in by an IAM token of the admin role, and return its path."""
    name = target.environment.name
    role = admin_role(target)
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
    path = state.folder / f"kubeconfig-{name}.json"
    path.write_text(json.dumps(config, indent=1))
    path.chmod(0o600)
    return path
