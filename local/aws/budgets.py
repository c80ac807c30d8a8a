"""AWS::Budgets::Budget: kept with its notifications; nothing is ever spent here."""

from collections.abc import Mapping
from typing import Any

from local.aws import internals, responses
from local.aws.resource_types import (
    Attributes,
    Properties,
    ResourceType,
    physical_name,
    refuse_unknown,
    register,
    words,
)

_NAME = "AWS::Budgets::Budget"


def install() -> None:
    register(
        ResourceType(
            name=_NAME,
            properties=words("Budget NotificationsWithSubscribers ResourceTags"),
            create_only=words("Budget.BudgetName NotificationsWithSubscribers"),
            create=_create,
            update=_update,
            delete=_delete,
            read=_read,
            reads=words("Budget"),
            tags=None,
        )
    )
    provisioners = internals.module("services.cloudformation.provisioners")
    internals.member(provisioners, "_STACK_TAG_PROPERTY")[_NAME] = ("ResourceTags", "list")


def _create(logical_id: str, properties: Properties, stack: str) -> tuple[str, Attributes]:
    name = properties["Budget"].get("BudgetName") or physical_name(stack, logical_id, 100)
    notifications = [
        {
            "Notification": dict(entry["Notification"]),
            "Subscribers": [dict(subscriber) for subscriber in entry["Subscribers"]],
        }
        for entry in properties.get("NotificationsWithSubscribers", [])
    ]
    responses.body(
        _service()._create_budget(
            {
                "Budget": _budget(name, properties),
                "NotificationsWithSubscribers": notifications,
                "ResourceTags": [dict(tag) for tag in properties.get("ResourceTags", [])],
            }
        )
    )
    return name, {}


def _update(name: str, _old: Properties, new: Properties) -> Attributes:
    responses.body(_service()._update_budget({"NewBudget": _budget(name, new)}))
    arn = _service()._budget_arn(name)
    _service()._tags[arn] = {tag["Key"]: tag["Value"] for tag in new.get("ResourceTags", [])}
    return {}


def _delete(name: str, _properties: Properties) -> None:
    if name in _service()._budgets:
        responses.body(_service()._delete_budget({"BudgetName": name}))


def _read(name: str, properties: Properties) -> Properties | None:
    found = _service()._budgets.get(name)
    if found is None:
        return None
    return {"Budget": {key: found[key] for key in properties["Budget"] if key in found}}


def _budget(name: str, properties: Properties) -> Mapping[str, Any]:
    wanted = properties["Budget"]
    refuse_unknown(f"{_NAME} Budget", wanted, words("BudgetLimit BudgetName BudgetType TimeUnit"))
    limit = wanted["BudgetLimit"]
    return {
        "BudgetName": name,
        "BudgetType": wanted["BudgetType"],
        "TimeUnit": wanted["TimeUnit"],
        "BudgetLimit": {"Amount": str(limit["Amount"]), "Unit": limit["Unit"]},
    }


def _service() -> Any:
    return internals.module("services.budgets")
