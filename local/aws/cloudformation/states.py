"""CloudFormation changes a stack at one time only: what a state forbids is refused as on AWS."""

from collections.abc import Mapping
from typing import Any

from local.aws import internals
from local.aws.responses import Response

_PACKAGE = "services.cloudformation"


def install() -> None:
    handlers = internals.member(internals.module(f"{_PACKAGE}.handlers"), "_ACTION_HANDLERS")
    for action, refusal in (
        ("CreateChangeSet", _of_new_change_set),
        ("ExecuteChangeSet", _of_execution),
        ("UpdateStack", _of_update),
        ("DeleteStack", _of_deletion),
    ):
        handlers[action] = _checked(handlers[action], refusal)


def _checked(stock: Any, refusal: Any) -> Any:
    def call(parameters: Mapping[str, Any]) -> Response:
        answer: Response = refusal(parameters) or stock(parameters)
        return answer

    return call


def _of_new_change_set(parameters: Mapping[str, Any]) -> Response | None:
    stack = _stack(parameters)
    # A stack that is to be created is refused by its name, because it exists.
    if _parameter(parameters, "ChangeSetType") == "CREATE" or stack is None:
        return None
    return None if stack["StackStatus"] == "REVIEW_IN_PROGRESS" else _changing(stack)


def _of_execution(parameters: Mapping[str, Any]) -> Response | None:
    changesets, package = internals.module(f"{_PACKAGE}.changesets"), internals.module(_PACKAGE)
    _, found = changesets._find_change_set(
        _parameter(parameters, "ChangeSetName"), _parameter(parameters, "StackName")
    )
    if found is None or found["ExecutionStatus"] != "AVAILABLE":
        return None
    stack = package._stacks.get(found["StackName"])
    if stack is None or stack["StackStatus"] == "REVIEW_IN_PROGRESS":
        return None
    return _changing(stack)


def _of_update(parameters: Mapping[str, Any]) -> Response | None:
    stack = _stack(parameters)
    return _changing(stack) if stack else None


def _of_deletion(parameters: Mapping[str, Any]) -> Response | None:
    stack = _stack(parameters)
    if stack is None:
        return None
    status = stack["StackStatus"]
    if status == "DELETE_IN_PROGRESS":
        # It is under way: a success, and no second deletion.
        answer: Response = _helpers()._xml(200, "DeleteStackResponse", "")
        return answer
    if status.startswith(("UPDATE_", "IMPORT_")) and status.endswith("_IN_PROGRESS"):
        return _refused(f"Stack [{stack['StackId']}] cannot be deleted while in status {status}")
    return None


def _changing(stack: Mapping[str, Any]) -> Response | None:
    status = stack["StackStatus"]
    if not status.endswith("_IN_PROGRESS"):
        return None
    return _refused(f"Stack:{stack['StackId']} is in {status} state and can not be updated.")


def _refused(message: str) -> Response:
    answer: Response = _helpers()._error("ValidationError", message)
    return answer


def _stack(parameters: Mapping[str, Any]) -> Mapping[str, Any] | None:
    handlers = internals.module(f"{_PACKAGE}.handlers")
    found: Mapping[str, Any] | None = handlers._resolve_stack(_parameter(parameters, "StackName"))
    return found


def _parameter(parameters: Mapping[str, Any], name: str) -> str:
    return str(_helpers()._p(parameters, name))


def _helpers() -> Any:
    return internals.module(f"{_PACKAGE}.helpers")
