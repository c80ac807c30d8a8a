"""The people-roles of a standing environment: who is let be one, and what it may do."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import boto3

from config.access import Role
from local import access
from mindforce.policy import document
from tests.local.machine import Machine
from tests.local.matrix import ApiServer, by_the_table, questions


class Roles:
    """The roles of a machine's environment, those that trust the pipeline by its session."""

    def __init__(self, machine: Machine, pipeline: boto3.Session) -> None:
        self.pipeline = pipeline
        self._machine = machine
        self._environment = machine.target.environment

    def arn(self, role: Role) -> str:
        return f"arn:aws:iam::{self._environment.account}:role/{role.iam_name}"

    def token(self, role: Role) -> str:
        """Return a token of who may be that role. Raises ClientError when nobody may."""
        if role.trusts == "people":
            return self._machine.token(self.arn(role))
        return self.exec_token(assume(self._machine, self.pipeline, self.arn(role)))

    def exec_token(self, credentials: Mapping[str, Any]) -> str:
        """Return the token of who holds a role's credentials."""
        name = self._environment.name
        made = access.exec_credential(self._machine.target, name, credentials)
        token: str = made["status"]["token"]
        return token

    def mapped(self) -> list[str]:
        """Return which of the table's have an access entry."""
        name = self._environment.name
        entries = self._machine.client("eks").list_access_entries(clusterName=name)
        table = self._environment.access.roles
        return [role.name for role in table if self.arn(role) in entries["accessEntries"]]

    def server(self) -> ApiServer:
        described = self._machine.client("eks").describe_cluster(name=self._environment.name)
        cluster = described["cluster"]
        return ApiServer(cluster["endpoint"], cluster["certificateAuthority"]["data"])

    def namespaces(self) -> list[str]:
        """Return every namespace that is there."""
        found = self._machine.kubectl("get", "namespaces", "-o", "json")["items"]
        return [namespace["metadata"]["name"] for namespace in found]

    def differences(self, roles: Iterable[Role], namespaces: Sequence[str]) -> list[str]:
        """Return what the API server answers otherwise than the table, in these namespaces."""
        asked = list(questions(namespaces))
        server = self.server()
        return [
            f"{role.name} {'may' if answer else 'may not'} {' '.join(question)}"
            for role in roles
            for question, answer in zip(asked, server.answers(self.token(role), asked), strict=True)
            if answer != by_the_table(role, question)
        ]


@contextmanager
def pipeline(machine: Machine) -> Iterator[boto3.Session]:
    """Lend a session of the role in the pipeline's account that may be what trusts it."""
    role = machine.target.environment.access.pipeline_role
    account, name = role.split(":")[4], role.rpartition("/")[2]
    root = boto3.Session(account, "test", region_name=machine.target.environment.region)
    iam = root.client("iam", endpoint_url=machine.target.endpoint)
    trust = {"Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}}
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document(trust)))
    policy = document({"Action": "sts:AssumeRole", "Resource": "*"})
    iam.put_role_policy(RoleName=name, PolicyName="assume", PolicyDocument=json.dumps(policy))
    try:
        credentials = assume(machine, root, role)
        yield boto3.Session(
            credentials["AccessKeyId"],
            credentials["SecretAccessKey"],
            credentials["SessionToken"],
            region_name=root.region_name,
        )
    finally:
        iam.delete_role_policy(RoleName=name, PolicyName="assume")
        iam.delete_role(RoleName=name)


def assume(machine: Machine, session: boto3.Session, role: str) -> Any:
    """Return a role's credentials, got by a session. Raises ClientError when it says no."""
    sts = session.client("sts", endpoint_url=machine.target.endpoint)
    return sts.assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
