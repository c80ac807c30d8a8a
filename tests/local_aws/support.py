"""What the tests share: an account's clients, and stacks that live as long as a test."""

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3

from mindforce.policy import document

ACCOUNT = "111111111111"
REGION = "eu-central-1"
STACK_SECONDS = 120.0

Template = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Server:
    endpoint: str
    state: Path
    pid: int

    @property
    def tools(self) -> Path:
        """Where the server looks for the binaries of a control plane."""
        return self.state / "tools"

    def audit(self, stack: str) -> list[dict[str, Any]]:
        """The audit's findings about a stack."""
        lines = (self.state / "emulator" / "audit.jsonl").read_text().splitlines()
        return [line for line in map(json.loads, lines) if line["stack"] == stack]

    def actions(self) -> list[dict[str, Any]]:
        """What principals were let do, and what CloudFormation did."""
        return list(
            map(json.loads, (self.state / "emulator" / "actions.jsonl").read_text().splitlines())
        )


class StackFailedError(Exception):
    """A stack did not reach the state that the test asked for; carries the reasons."""


@dataclass(frozen=True)
class Account:
    """An account's root, or somebody with temporary credentials in it."""

    server: Server
    key: str
    secret: str = "test"
    token: str | None = None

    def client(self, service: str) -> Any:
        return _client(self, service)

    def assume(self, role: str) -> "Account":
        """The account as somebody who has assumed the role of that name."""
        arn = f"arn:aws:iam::{self.key}:role/{role}"
        made = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        return Account(
            self.server, made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]
        )

    def create(self, name: str, resources: Template) -> None:
        """Create a stack; StackFailedError with the reasons when it fails."""
        self.client("cloudformation").create_stack(
            StackName=name,
            TemplateBody=json.dumps({"Resources": resources}),
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        self.settle(name, "CREATE_COMPLETE")

    def update(self, name: str, resources: Template) -> None:
        self.client("cloudformation").update_stack(
            StackName=name,
            TemplateBody=json.dumps({"Resources": resources}),
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        self.settle(name, "UPDATE_COMPLETE")

    def delete(self, name: str) -> None:
        self.client("cloudformation").delete_stack(StackName=name)
        self.settle(name, "DELETE_COMPLETE")

    def resource(self, stack: str, logical_id: str) -> str:
        """A resource's physical id."""
        found = self.client("cloudformation").describe_stack_resource(
            StackName=stack, LogicalResourceId=logical_id
        )
        physical: str = found["StackResourceDetail"]["PhysicalResourceId"]
        return physical

    def events(self, stack: str) -> list[tuple[str, str]]:
        """(logical id, status) of all events, oldest first."""
        found = self.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
        return [(event["LogicalResourceId"], event["ResourceStatus"]) for event in found][::-1]

    @contextmanager
    def stack(self, resources: Template) -> Iterator[str]:
        """A stack that goes when the block ends."""
        name = f"test-{uuid.uuid4().hex[:8]}"
        self.create(name, resources)
        try:
            yield name
        finally:
            self.delete(name)

    def settle(self, name: str, wanted: str) -> None:
        stacks = self.client("cloudformation").get_paginator("list_stacks")
        deadline = time.monotonic() + STACK_SECONDS
        while time.monotonic() < deadline:
            found = [
                stack
                for page in stacks.paginate()
                for stack in page["StackSummaries"]
                if stack["StackName"] == name
            ]
            latest = max(found, key=lambda stack: stack["CreationTime"])
            status = latest["StackStatus"]
            if status == wanted:
                return
            if not status.endswith("IN_PROGRESS"):
                raise StackFailedError(f"{name} {status}: {self._reasons(latest['StackId'])}")
            time.sleep(0.05)
        raise StackFailedError(f"{name} is not {wanted} after {STACK_SECONDS} s")

    def _reasons(self, stack: str) -> str:
        found = self.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
        return "; ".join(
            event["ResourceStatusReason"]
            for event in found
            if event["ResourceStatus"].endswith("_FAILED")
        )


@cache
def _client(account: Account, service: str) -> Any:
    # boto3's stubs want the service's name as a literal.
    sdk: Any = boto3
    return sdk.client(
        service,
        endpoint_url=account.server.endpoint,
        region_name=REGION,
        aws_access_key_id=account.key,
        aws_secret_access_key=account.secret,
        aws_session_token=account.token,
    )


def eventually(what: str, holds: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.1)


def role(
    service: str, *statements: Mapping[str, Any], actions: Sequence[str] = ("sts:AssumeRole",)
) -> dict[str, Any]:
    """A role that a service, or for "account" anybody of the account, may assume."""
    principal = (
        {"AWS": f"arn:aws:iam::{ACCOUNT}:root"} if service == "account" else {"Service": service}
    )
    policies = [
        {"PolicyName": "own", "PolicyDocument": document(statement)} for statement in statements
    ]
    trust = document({"Principal": principal, "Action": list(actions)})
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {"AssumeRolePolicyDocument": trust, "Policies": policies},
    }


def network(zones: str = "ab") -> dict[str, Any]:
    """A VPC with one subnet in each zone."""
    subnets = {
        f"Subnet{zone.upper()}": {
            "Type": "AWS::EC2::Subnet",
            "Properties": {
                "VpcId": {"Ref": "Vpc"},
                "CidrBlock": f"10.0.{number}.0/24",
                "AvailabilityZone": f"{REGION}{zone}",
            },
        }
        for number, zone in enumerate(zones)
    }
    return {
        "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
        **subnets,
    }
