"""A stack is changed at one time only, with AWS's words for what has to wait."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.support import Account, StackFailedError, eventually, role

GROUP = {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 7}}
WAITING: dict[str, Any] = {
    "Condition": {
        "Type": "AWS::CloudFormation::WaitCondition",
        "CreationPolicy": {"ResourceSignal": {"Count": 1, "Timeout": "PT1M"}},
    },
}
SILENT_AT_DELETION = """
import json, urllib.request
def handler(event, context):
    if event["RequestType"] == "Delete":
        return
    names = ("StackId", "RequestId", "LogicalResourceId")
    answer = {name: event[name] for name in names}
    answer |= {"Status": "SUCCESS", "PhysicalResourceId": "made"}
    body = json.dumps(answer).encode()
    urllib.request.urlopen(urllib.request.Request(event["ResponseURL"], data=body, method="PUT"))
"""

SLOW_TO_GO: dict[str, Any] = {
    "Role": role("lambda.amazonaws.com", {"Action": "logs:*", "Resource": "*"}),
    "Function": {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "Code": {"ZipFile": SILENT_AT_DELETION},
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        },
    },
    "Thing": {
        "Type": "Custom::Thing",
        "Properties": {
            "ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]},
            "ServiceTimeout": 1,
        },
    },
}
"""A custom resource that says nothing to its deletion, for a second."""


def body(resources: dict[str, Any]) -> str:
    return json.dumps({"Resources": resources})


def status(account: Account, stack: str) -> str:
    found = account.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return str(found[0]["StackStatus"])


def signal(account: Account, stack: str) -> None:
    """Let a stack that waits go on."""

    def signalled() -> bool:
        try:
            account.client("cloudformation").signal_resource(
                StackName=stack, LogicalResourceId="Condition", UniqueId="1", Status="SUCCESS"
            )
        except ClientError:
            return False
        return True

    eventually("the condition waits", signalled)


@contextmanager
def updating(account: Account) -> Iterator[str]:
    """A stack that stays in UPDATE_IN_PROGRESS while the block runs."""
    with account.stack({"Group": GROUP}) as stack:
        account.client("cloudformation").update_stack(
            StackName=stack, TemplateBody=body({"Group": GROUP, **WAITING})
        )
        try:
            yield stack
        finally:
            signal(account, stack)
            account.settle(stack, "UPDATE_COMPLETE")


REFUSED = r"\(ValidationError\).*Stack:arn:aws:cloudformation:\S+ is in {} state and can not be"


def test_a_stack_that_changes_takes_no_second_change(account: Account) -> None:
    cloudformation = account.client("cloudformation")
    words = REFUSED.format("UPDATE_IN_PROGRESS")
    with updating(account) as stack:
        with pytest.raises(ClientError, match=words):
            cloudformation.update_stack(StackName=stack, TemplateBody=body({"Group": GROUP}))
        with pytest.raises(ClientError, match=words):
            cloudformation.create_change_set(
                StackName=stack, ChangeSetName="second", TemplateBody=body({"Group": GROUP})
            )
        with pytest.raises(ClientError, match=r"cannot be deleted while in status UPDATE_IN_PRO"):
            cloudformation.delete_stack(StackName=stack)
        assert status(account, stack) == "UPDATE_IN_PROGRESS"
    with pytest.raises(ClientError, match="does not exist"):
        status(account, stack)


def test_a_stack_that_is_created_can_be_deleted_but_not_updated(account: Account) -> None:
    cloudformation = account.client("cloudformation")
    cloudformation.create_stack(StackName="coming", TemplateBody=body(WAITING))
    with pytest.raises(ClientError, match=REFUSED.format("CREATE_IN_PROGRESS")):
        cloudformation.update_stack(StackName="coming", TemplateBody=body({"Group": GROUP}))
    account.delete("coming")


def test_a_stack_under_review_takes_change_sets(account: Account) -> None:
    cloudformation = account.client("cloudformation")
    for name in ("first", "second"):
        cloudformation.create_change_set(
            StackName="reviewed",
            ChangeSetName=name,
            ChangeSetType="CREATE",
            TemplateBody=body({"Group": GROUP}),
        )
    cloudformation.get_waiter("change_set_create_complete").wait(
        StackName="reviewed", ChangeSetName="second", WaiterConfig={"Delay": 1}
    )
    cloudformation.execute_change_set(StackName="reviewed", ChangeSetName="second")
    account.settle("reviewed", "CREATE_COMPLETE")
    account.delete("reviewed")


def test_a_change_set_waits_for_a_rollback(account: Account) -> None:
    cloudformation = account.client("cloudformation")
    refused = {
        "Type": "AWS::Logs::LogGroup",
        "DependsOn": "Thing",
        "Properties": {"FieldIndexPolicies": [{}]},
    }
    cloudformation.create_stack(
        StackName="back",
        TemplateBody=body({**SLOW_TO_GO, "Refused": refused}),
        Capabilities=["CAPABILITY_IAM"],
        DisableRollback=True,
    )
    account.settle("back", "CREATE_FAILED")
    cloudformation.create_change_set(
        StackName="back",
        ChangeSetName="early",
        TemplateBody=body(SLOW_TO_GO),
        Capabilities=["CAPABILITY_IAM"],
    )
    cloudformation.rollback_stack(StackName="back")
    with pytest.raises(ClientError, match=REFUSED.format("ROLLBACK_IN_PROGRESS")):
        cloudformation.execute_change_set(StackName="back", ChangeSetName="early")
    eventually("it is as far back as it gets", lambda: status(account, "back") == "ROLLBACK_FAILED")
    with pytest.raises(StackFailedError, match=r"failed to delete: \[Thing\]"):
        account.delete("back")
    cloudformation.delete_stack(StackName="back", RetainResources=["Thing"])
    account.settle("back", "DELETE_COMPLETE")


def test_a_stack_that_goes_goes_once(account: Account) -> None:
    cloudformation = account.client("cloudformation")
    account.create("going", SLOW_TO_GO)
    identifier = cloudformation.describe_stacks(StackName="going")["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName="going")
    eventually("it goes", lambda: status(account, identifier) == "DELETE_IN_PROGRESS")
    cloudformation.delete_stack(StackName="going")
    with pytest.raises(ClientError, match=REFUSED.format("DELETE_IN_PROGRESS")):
        cloudformation.update_stack(StackName="going", TemplateBody=body({"Group": GROUP}))
    eventually("it is gone", lambda: not status(account, identifier).endswith("IN_PROGRESS"))
    assert account.events(identifier).count(("going", "DELETE_IN_PROGRESS")) == 1
