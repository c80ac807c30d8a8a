"""Whether a service could assume a role that it is handed."""

import json
from collections.abc import Mapping
from typing import Any

from local.aws import internals


def trust_policy(arn: str) -> Mapping[str, Any] | None:
    """The trust policy of a role; None when there is no such role."""
    role = internals.module("services.iam")._roles.get(arn.rsplit("/", 1)[-1])
    if role is None or role["Arn"] != arn:
        return None
    document: Mapping[str, Any] = json.loads(role["AssumeRolePolicyDocument"])
    return document


def lets_in(trust: Mapping[str, Any] | None, service: str, *actions: str) -> bool:
    """Whether a trust policy can let a service in; conditions are judged when it comes."""
    return trust is not None and all(_allows(trust, service, action) for action in actions)


def _allows(trust: Mapping[str, Any], service: str, action: str) -> bool:
    evaluator = internals.module("core.iam_evaluator")
    effects = {
        statement["Effect"]
        for statement in _list(trust["Statement"])
        if evaluator._service_principal_matches(statement.get("Principal"), service)
        and evaluator._action_matches(
            action, _list(statement.get("Action")), _list(statement.get("NotAction"))
        )
        and not (statement["Effect"] == "Deny" and statement.get("Condition"))
    }
    return effects == {"Allow"}


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]
