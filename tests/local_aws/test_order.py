"""What doesn't depend on each other happens at the same time, all else in the template's order."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.support import Account, StackFailedError, eventually
from tests.local_aws.test_stack_states import SLOW_TO_GO

GROUP: dict[str, Any] = {"Type": "AWS::Logs::LogGroup"}
REFUSED: dict[str, Any] = {**GROUP, "Properties": {"FieldIndexPolicies": [{}]}}
WAITING: dict[str, Any] = {
    "Type": "AWS::CloudFormation::WaitCondition",
    "CreationPolicy": {"ResourceSignal": {"Count": 1, "Timeout": "PT1M"}},
}


def start(account: Account, name: str, resources: dict[str, Any]) -> str:
    """Begin to create a stack; its id."""
    made = account.client("cloudformation").create_stack(
        StackName=name, TemplateBody=json.dumps({"Resources": resources})
    )
    return str(made["StackId"])


def reached(account: Account, stack: str, *wanted: tuple[str, str]) -> None:
    eventually(f"{wanted}", lambda: set(wanted) <= set(account.events(stack)))


def signal(account: Account, stack: str, condition: str) -> None:
    def signalled() -> bool:
        try:
            account.client("cloudformation").signal_resource(
                StackName=stack, LogicalResourceId=condition, UniqueId="1", Status="SUCCESS"
            )
        except ClientError:
            return False
        return True

    eventually(f"{condition} waits", signalled)


def reasons(account: Account, stack: str) -> dict[tuple[str, str], str]:
    found = account.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
    return {
        (event["LogicalResourceId"], event["ResourceStatus"]): event.get("ResourceStatusReason", "")
        for event in found
    }


def function_arn(account: Account, name: str) -> str:
    found = account.client("lambda").get_function(FunctionName=name)
    return str(found["Configuration"]["FunctionArn"])


def test_what_is_independent_is_made_at_once_and_what_depends_waits(account: Account) -> None:
    stack = start(
        account,
        "at-once",
        {
            "First": WAITING,
            "Second": WAITING,
            "AfterFirst": {**GROUP, "DependsOn": "First"},
            "AfterSecond": {**GROUP, "DependsOn": ["Second", "AfterFirst"]},
        },
    )
    begun = ("First", "CREATE_IN_PROGRESS"), ("Second", "CREATE_IN_PROGRESS")
    reached(account, stack, *begun)
    assert "AfterFirst" not in dict(account.events(stack))
    signal(account, stack, "First")
    reached(account, stack, ("AfterFirst", "CREATE_COMPLETE"))
    events = dict(account.events(stack))
    assert events["Second"] == "CREATE_IN_PROGRESS"
    assert "AfterSecond" not in events
    signal(account, stack, "Second")
    account.settle("at-once", "CREATE_COMPLETE")
    account.delete("at-once")
    ends = [event for event in account.events(stack) if event[1].startswith("DELETE_")]
    gone, going = "DELETE_COMPLETE", "DELETE_IN_PROGRESS"
    assert ends.index(("AfterSecond", gone)) < ends.index(("AfterFirst", going))
    assert ends.index(("AfterFirst", gone)) < ends.index(("First", going))


def test_the_first_failure_cancels_the_rest_and_undoes_all(account: Account) -> None:
    stack = start(
        account,
        "cancelled",
        {
            "First": WAITING,
            "Second": WAITING,
            "Kept": GROUP,
            "Refused": {**REFUSED, "DependsOn": ["First", "Kept"]},
            "Never": {**GROUP, "DependsOn": "Second"},
        },
    )
    reached(account, stack, ("Second", "CREATE_IN_PROGRESS"))
    signal(account, stack, "First")
    reached(account, stack, ("Refused", "CREATE_FAILED"), ("Second", "CREATE_FAILED"))
    signal(account, stack, "Second")
    with pytest.raises(StackFailedError, match="ROLLBACK_COMPLETE"):
        account.settle("cancelled", "CREATE_COMPLETE")
    said = reasons(account, stack)
    assert said["Second", "CREATE_FAILED"] == "Resource creation cancelled"
    assert said["cancelled", "ROLLBACK_IN_PROGRESS"].startswith(
        "The following resource(s) failed to create: [Refused, Second]."
    )
    assert {name for name, status in said if status == "DELETE_COMPLETE"} == {
        "First",
        "Second",
        "Kept",
    }
    assert "Never" not in dict(account.events(stack))
    account.delete("cancelled")


def test_what_stays_keeps_what_it_needs(account: Account) -> None:
    account.create("staying", {**SLOW_TO_GO, "Free": GROUP})
    function = account.resource("staying", "Function")
    with pytest.raises(StackFailedError, match=r"failed to delete: \[Thing\]"):
        account.delete("staying")
    account.client("lambda").get_function(FunctionName=function)
    left = account.client("cloudformation").list_stack_resources(StackName="staying")
    assert {one["LogicalResourceId"] for one in left["StackResourceSummaries"]} == {
        "Role",
        "Function",
        "Thing",
    }
    account.client("cloudformation").delete_stack(StackName="staying", RetainResources=["Thing"])
    account.settle("staying", "DELETE_COMPLETE")
    with pytest.raises(ClientError, match="not found"):
        account.client("lambda").get_function(FunctionName=function)


def test_a_stack_deleted_before_it_is_whole_stays_gone(account: Account) -> None:
    code = SLOW_TO_GO["Function"]["Properties"]["Code"]["ZipFile"]
    slow = code.replace(
        '"Delete":\n        return', '"Create":\n        __import__("time").sleep(2)'
    )
    function = {**SLOW_TO_GO["Function"]["Properties"], "Code": {"ZipFile": slow}}
    function["Role"] = f"arn:aws:iam::{account.key}:role/early"
    with account.stack({"Function": {**SLOW_TO_GO["Function"], "Properties": function}}) as own:
        thing = {
            "Type": "Custom::Thing",
            "Properties": {
                "ServiceToken": function_arn(account, account.resource(own, "Function"))
            },
        }
        stack = start(account, "early", {"Thing": thing, "Never": {**GROUP, "DependsOn": "Thing"}})
        reached(account, stack, ("Thing", "CREATE_IN_PROGRESS"))
        account.delete("early")
        reached(account, stack, ("Thing", "DELETE_COMPLETE"))
    events = dict(account.events(stack))
    assert "Never" not in events
    assert events["early"] == "DELETE_COMPLETE"


def test_a_failed_update_sends_back_in_order_and_drops_what_it_made(account: Account) -> None:
    before = {"Group": {**GROUP, "Properties": {"RetentionInDays": 7}}}
    with account.stack(before) as stack:
        name = account.resource(stack, "Group")
        known = len(account.events(stack))
        with pytest.raises(StackFailedError, match="FieldIndexPolicies"):
            account.update(
                stack,
                {
                    "Group": {**GROUP, "Properties": {"RetentionInDays": 30}},
                    "Coming": {**GROUP, "DependsOn": "Group"},
                    "Refused": {**REFUSED, "DependsOn": "Coming"},
                },
            )
        assert account.events(stack)[known:] == [
            (stack, "UPDATE_IN_PROGRESS"),
            ("Group", "UPDATE_IN_PROGRESS"),
            ("Group", "UPDATE_COMPLETE"),
            ("Coming", "CREATE_IN_PROGRESS"),
            ("Coming", "CREATE_COMPLETE"),
            ("Refused", "CREATE_IN_PROGRESS"),
            ("Refused", "CREATE_FAILED"),
            (stack, "UPDATE_ROLLBACK_IN_PROGRESS"),
            ("Group", "UPDATE_IN_PROGRESS"),
            ("Group", "UPDATE_COMPLETE"),
            (stack, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"),
            ("Coming", "DELETE_IN_PROGRESS"),
            ("Coming", "DELETE_COMPLETE"),
            (stack, "UPDATE_ROLLBACK_COMPLETE"),
        ]
        assert account.resource(stack, "Group") == name


def test_a_replaced_resource_goes_when_its_successor_stands(account: Account) -> None:
    def named(name: str) -> dict[str, Any]:
        return {"Group": {**GROUP, "Properties": {"LogGroupName": name}}}

    with account.stack(named("/test/order/old")) as stack:
        known = len(account.events(stack))
        account.update(stack, named("/test/order/new"))
        assert account.events(stack)[known:] == [
            (stack, "UPDATE_IN_PROGRESS"),
            ("Group", "UPDATE_IN_PROGRESS"),
            ("Group", "UPDATE_COMPLETE"),
            (stack, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
            ("Group", "DELETE_IN_PROGRESS"),
            ("Group", "DELETE_COMPLETE"),
            (stack, "UPDATE_COMPLETE"),
        ]
        found = account.client("logs").describe_log_groups(logGroupNamePrefix="/test/order/")
        assert [one["logGroupName"] for one in found["logGroups"]] == ["/test/order/new"]


def test_a_failed_stack_leaves_what_it_found(account: Account) -> None:
    logs, cloudformation = account.client("logs"), account.client("cloudformation")
    logs.create_log_group(logGroupName="/test/order/found")
    found = {**GROUP, "Properties": {"LogGroupName": "/test/order/found"}}
    cloudformation.create_change_set(
        StackName="finding",
        ChangeSetName="finding",
        ChangeSetType="CREATE",
        ImportExistingResources=True,
        TemplateBody=json.dumps(
            {
                "Resources": {
                    "Found": {**found, "DeletionPolicy": "RetainExceptOnCreate"},
                    "Refused": {**REFUSED, "DependsOn": "Found"},
                }
            }
        ),
    )
    cloudformation.execute_change_set(StackName="finding", ChangeSetName="finding")
    with pytest.raises(StackFailedError, match="FieldIndexPolicies"):
        account.settle("finding", "CREATE_COMPLETE")
    assert ("Found", "IMPORT_COMPLETE") in account.events("finding")
    assert ("Found", "DELETE_SKIPPED") in account.events("finding")
    account.delete("finding")
    left = logs.describe_log_groups(logGroupNamePrefix="/test/order/found")["logGroups"]
    assert len(left) == 1


def test_a_cancelled_update_begins_nothing_more_and_goes_back(account: Account) -> None:
    def days(number: int) -> dict[str, Any]:
        return {**GROUP, "Properties": {"RetentionInDays": number}}

    cloudformation = account.client("cloudformation")
    with account.stack({"Group": days(7)}) as stack:
        later = {**GROUP, "DependsOn": "Condition"}
        resources = {"Group": days(30), "Condition": WAITING, "Later": later}
        cloudformation.update_stack(
            StackName=stack, TemplateBody=json.dumps({"Resources": resources})
        )
        reached(account, stack, ("Condition", "CREATE_IN_PROGRESS"), ("Group", "UPDATE_COMPLETE"))
        cloudformation.cancel_update_stack(StackName=stack)
        signal(account, stack, "Condition")
        account.settle(stack, "UPDATE_ROLLBACK_COMPLETE")
        events = account.events(stack)
        assert "Later" not in dict(events)
        assert dict(events)["Condition"] == "DELETE_COMPLETE"
        name = account.resource(stack, "Group")
        (group,) = account.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        assert group["retentionInDays"] == 7
        assert reasons(account, stack)[stack, "UPDATE_ROLLBACK_IN_PROGRESS"] == "User Initiated"
