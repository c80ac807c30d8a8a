"""CloudFormation actions: a change set is made, then executed, by the action's role."""

import json
import time
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from local.rehearsal.context import Context
from local.rehearsal.errors import ActionFailedError

_BODY_LIMIT = 51_200
"""Bytes that CloudFormation takes as TemplateBody; more comes by URL."""
_POLL_SECONDS = 0.1
_GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")


def deploy(context: Context) -> Mapping[str, str]:
    """Make or execute a change set; the stack's outputs are the action's variables."""
    match context.configuration["ActionMode"]:
        case "CHANGE_SET_REPLACE":
            return _replace(context)
        case "CHANGE_SET_EXECUTE":
            return _execute(context)
        case other:
            raise ActionFailedError(f"ActionMode {other} is not rehearsed.")


def _replace(context: Context) -> Mapping[str, str]:
    wanted = context.configuration
    client, name = context.actor.client("cloudformation"), wanted["StackName"]
    status = (_settle(client, name) or {}).get("StackStatus")
    if status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED"):
        raise ActionFailedError(f"{name} is in {status} and can't be updated: delete it first.")
    new = status in (None, "REVIEW_IN_PROGRESS")
    change_set = {"StackName": name, "ChangeSetName": wanted["ChangeSetName"]}
    _forget(client, change_set)
    try:
        client.create_change_set(
            **change_set,
            ChangeSetType="CREATE" if new else "UPDATE",
            RoleARN=wanted["RoleArn"],
            Capabilities=wanted.get("Capabilities", "").split(","),
            **_template(context, wanted["TemplatePath"]),
            **_configured(context, wanted),
        )
    except ClientError as error:
        raise ActionFailedError(f"{name}: {error.response['Error']['Message']}") from error
    while (made := client.describe_change_set(**change_set))["Status"].endswith("_IN_PROGRESS"):
        time.sleep(_POLL_SECONDS)
    if made["Status"] == "FAILED" and not _empty(made):
        raise ActionFailedError(f"{name}: {made.get('StatusReason')}")
    return {}


def _execute(context: Context) -> Mapping[str, str]:
    wanted = context.configuration
    client, name = context.actor.client("cloudformation"), wanted["StackName"]
    change_set = {"StackName": name, "ChangeSetName": wanted["ChangeSetName"]}
    # One that goes on from a killed run may find it under way.
    _settle(client, name)
    try:
        found = client.describe_change_set(**change_set)
    except ClientError:
        found = {}
    if found.get("ExecutionStatus") == "AVAILABLE":
        client.execute_change_set(**change_set)
    stack = _settle(client, name, begun=found.get("ExecutionStatus") == "AVAILABLE")
    status = (stack or {}).get("StackStatus")
    # Nothing to change is a success, also on what was rolled back before.
    if stack is None or (status not in _GOOD and not _empty(found)):
        raise ActionFailedError(f"{name} is {status}: {_reasons(client, name)}")
    return {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}


def _settle(client: Any, name: str, *, begun: bool = False) -> Mapping[str, Any] | None:
    """Return a stack once nothing is under way, None when there is none."""
    while True:
        try:
            stack: Mapping[str, Any] = client.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise ActionFailedError(f"{name}: {error.response['Error']['Message']}") from error
        status = stack["StackStatus"]
        if not status.endswith("_IN_PROGRESS") or (status == "REVIEW_IN_PROGRESS" and not begun):
            return stack
        time.sleep(_POLL_SECONDS)


def _forget(client: Any, change_set: Mapping[str, str]) -> None:
    try:
        client.delete_change_set(**change_set)
    except ClientError as error:
        # A stack that isn't there has none.
        if error.response["Error"]["Code"] == "AccessDenied":
            raise ActionFailedError(error.response["Error"]["Message"]) from error


def _template(context: Context, reference: str) -> Mapping[str, str]:
    text = context.artifacts.member(context.actor, reference)
    if len(text.encode()) <= _BODY_LIMIT:
        return {"TemplateBody": text}
    name = f"template-{context.action['name']}"
    key = context.artifacts.put(context.service, name, text.encode())
    return {"TemplateURL": f"{context.actor.endpoint}/{context.artifacts.bucket}/{key}"}


def _configured(context: Context, wanted: Mapping[str, str]) -> Mapping[str, Any]:
    """Parameters and tags, from the template's configuration file."""
    reference = wanted.get("TemplateConfiguration")
    found = json.loads(context.artifacts.member(context.actor, reference)) if reference else {}
    parameters = {
        **found.get("Parameters", {}),
        **json.loads(wanted.get("ParameterOverrides", "{}")),
    }
    return {
        "Tags": [{"Key": key, "Value": value} for key, value in found.get("Tags", {}).items()],
        "Parameters": [
            {"ParameterKey": key, "ParameterValue": str(value)} for key, value in parameters.items()
        ],
    }


def _empty(change_set: Mapping[str, Any]) -> bool:
    reason = str(change_set.get("StatusReason", ""))
    return change_set.get("Status") == "FAILED" and (
        "didn't contain changes" in reason or "No updates are to be performed" in reason
    )


def _reasons(client: Any, name: str) -> str:
    events = client.describe_stack_events(StackName=name)["StackEvents"]
    failed = [one for one in events if one["ResourceStatus"].endswith("_FAILED")]
    return "; ".join(
        f"{one['LogicalResourceId']}: {one.get('ResourceStatusReason')}" for one in failed[-2:]
    )
