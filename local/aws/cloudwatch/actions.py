"""What an alarm tells a topic arrives only if the topic's and its key's policies let it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from local.aws import internals

_SERVICE = "cloudwatch.amazonaws.com"
_ACTIONS = {
    "ALARM": "AlarmActions",
    "OK": "OKActions",
    "INSUFFICIENT_DATA": "InsufficientDataActions",
}


def install() -> None:
    internals.replace(
        internals.module("services.cloudwatch"), "_dispatch_alarm_actions", _permitted
    )


def _permitted(stock: Any) -> Any:
    def dispatch(alarm: Mapping[str, Any], old: str, new: str, reason: str) -> None:
        field = _ACTIONS[new]
        allowed = []
        for action in alarm.get(field) or [] if alarm.get("ActionsEnabled", True) else []:
            problem = next(_problems(alarm["AlarmArn"], action), None)
            if problem is None:
                allowed.append(action)
            _note(alarm["AlarmName"], action, problem)
        stock({**alarm, field: allowed}, old, new, reason)

    return dispatch


def _problems(alarm: str, action: str) -> Iterator[str]:
    """Yield why CloudWatch can't publish to a topic; nothing for actions that aren't topics."""
    if not action.startswith("arn:aws:sns:"):
        return
    topic = internals.module("services.sns")._topic_by_arn_any_scope(action)
    if topic is None:
        yield "the topic does not exist"
        return
    if not _allows(topic["attributes"].get("Policy"), "sns:Publish", action, alarm):
        yield f"{_SERVICE} is not authorized to perform: sns:Publish"
    key = topic["attributes"].get("KmsMasterKeyId")
    if not key:
        return
    record = internals.module("services.kms")._resolve_key(key)
    if record is None or record["KeyState"] != "Enabled":
        yield f"the key {key} does not exist, or is disabled"
        return
    for needed in ("kms:Decrypt", "kms:GenerateDataKey"):
        if not _allows(record.get("Policy"), needed, record["Arn"], alarm):
            yield f"{_SERVICE} is not authorized to perform: {needed}"


def _allows(policy: str | None, action: str, resource: str, alarm: str) -> bool:
    evaluator = internals.module("core.iam_evaluator")
    context = evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=resource,
        region=internals.region(),
        service_context={
            "aws:sourcearn": alarm,
            "aws:sourceaccount": internals.account(),
            "aws:sourceowner": internals.account(),
        },
    )
    found = evaluator.evaluate_resource_policy(policy, context, service=_SERVICE)
    return str(found.decision) == "Allow"


def _note(alarm: str, action: str, problem: str | None) -> None:
    """Keep what became of an action, where DescribeAlarmHistory shows it."""
    cloudwatch = internals.module("services.cloudwatch")
    said = f"Failed to execute action {action}: {problem}"
    cloudwatch._record_history(alarm, "", "", "")
    cloudwatch._history_entries()[-1].update(
        HistoryItemType="Action",
        HistorySummary=said if problem else f"Successfully executed action {action}",
        HistoryData=json.dumps({"actionState": "Failed" if problem else "Succeeded"}),
    )
