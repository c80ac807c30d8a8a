"""CloudFormation refuses by name, undoes what failed, and touches only what a change concerns."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.support import Account, Server, StackFailedError


def group(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::Logs::LogGroup", "Properties": properties}


def test_unknown_type_is_refused_by_name(account: Account) -> None:
    with pytest.raises(ClientError, match="AWS::Nothing::Here"):
        account.create("unknown-type", {"Thing": {"Type": "AWS::Nothing::Here"}})


def test_unknown_property_is_refused_by_name_and_nothing_stays(account: Account) -> None:
    resources = {
        "First": group(LogGroupName="/test/first"),
        "Address": {
            "Type": "AWS::EC2::EIP",
            "DependsOn": "First",
            "Properties": {"Domain": "vpc", "TransferAddress": "10.0.0.1"},
        },
    }
    with pytest.raises(StackFailedError, match="AWS::EC2::EIP property TransferAddress is not"):
        account.create("unknown-property", resources)
    found = account.client("logs").describe_log_groups(logGroupNamePrefix="/test/first")
    assert found["logGroups"] == []
    account.delete("unknown-property")


def test_update_has_events_only_for_what_changes(account: Account) -> None:
    before = {
        "Same": group(RetentionInDays=7),
        "Changing": group(RetentionInDays=7),
        "Leaving": group(RetentionInDays=7),
    }
    after = {
        "Same": group(RetentionInDays=7),
        "Changing": group(RetentionInDays=30),
        "Coming": group(RetentionInDays=7),
    }
    with account.stack(before) as stack:
        known = len(account.events(stack))
        account.update(stack, after)
        events = [event for event in account.events(stack)[known:] if event[0] != stack]
    assert events == [
        ("Changing", "UPDATE_IN_PROGRESS"),
        ("Changing", "UPDATE_COMPLETE"),
        ("Coming", "CREATE_IN_PROGRESS"),
        ("Coming", "CREATE_COMPLETE"),
        ("Leaving", "DELETE_IN_PROGRESS"),
        ("Leaving", "DELETE_COMPLETE"),
    ]


def test_failed_update_goes_back_to_what_was(account: Account) -> None:
    with account.stack({"Group": group(RetentionInDays=7)}) as stack:
        name = account.resource(stack, "Group")
        with pytest.raises(StackFailedError, match="FieldIndexPolicies"):
            account.update(
                stack,
                {
                    "Group": group(RetentionInDays=30),
                    "Other": {**group(FieldIndexPolicies=[{}]), "DependsOn": "Group"},
                },
            )
        found = account.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        assert found[0]["retentionInDays"] == 7


def test_accounts_do_not_see_each_other(account: Account, other_account: Account) -> None:
    with account.stack({"Group": group(LogGroupName="/test/own")}) as stack:
        others = other_account.client("logs").describe_log_groups(logGroupNamePrefix="/test/own")
        assert others["logGroups"] == []
        with pytest.raises(ClientError, match="does not exist"):
            other_account.client("cloudformation").describe_stacks(StackName=stack)
        with other_account.stack({"Group": group(LogGroupName="/test/own")}):
            mine = account.client("logs").describe_log_groups(logGroupNamePrefix="/test/own")
            assert [found["arn"].split(":")[4] for found in mine["logGroups"]] == [account.key]


def test_condition_over_a_join_holds(account: Account) -> None:
    import json

    template = {
        "Parameters": {"Names": {"Type": "CommaDelimitedList", "Default": "a,b"}},
        "Conditions": {
            "Given": {"Fn::Not": [{"Fn::Equals": ["", {"Fn::Join": ["", {"Ref": "Names"}]}]}]}
        },
        "Resources": {
            "Group": {
                "Type": "AWS::Logs::LogGroup",
                "Properties": {"RetentionInDays": {"Fn::If": ["Given", 7, 30]}},
            }
        },
    }
    account.client("cloudformation").create_stack(
        StackName="joined",
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": "Names", "ParameterValue": ""}],
    )
    account.settle("joined", "CREATE_COMPLETE")
    name = account.resource("joined", "Group")
    found = account.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    account.delete("joined")
    assert found[0]["retentionInDays"] == 30


def test_audit_names_a_property_that_nobody_read(account: Account, server: Server) -> None:
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"OddProperty": {"Deep": 1}}}
    with account.stack({"Queue": queue}) as stack:
        created = server.audit(stack)
        changed = {"Type": "AWS::SQS::Queue", "Properties": {"OddProperty": {"Deep": 2}}}
        account.update(stack, {"Queue": changed})
        updated = server.audit(stack)[len(created) :]
    assert [(line["resource"], line["operation"], line["unread"]) for line in created] == [
        ("Queue", "create", ["OddProperty"])
    ]
    assert [line["unread"] for line in updated] == [["OddProperty"]]


def test_audit_is_silent_about_what_is_kept(account: Account, server: Server) -> None:
    with account.stack({"Group": group(RetentionInDays=7)}) as stack:
        assert server.audit(stack) == []
