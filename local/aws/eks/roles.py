"""The roles that EKS is handed: they exist, and their trust policies let the right service in."""

import json
from collections.abc import Mapping
from typing import Any

from local.aws import internals
from local.aws.eks.service import invalid

_POD_ACTIONS = ("sts:AssumeRole", "sts:TagSession")


def require_role(arn: str, service: str) -> None:
    """Refuse a role that does not exist or that the service may not assume."""
    trust = _trust(arn)
    if trust is None or not _allows(trust, service, "sts:AssumeRole"):
        raise invalid(f"Role {arn} does not exist or does not trust {service}.")


def require_pod_role(arn: str) -> None:
    """Refuse a role that EKS Pod Identity could not hand to pods."""
    trust = _trust(arn)
    if trust is None:
        raise invalid(f"Role {arn} provided in the request does not exist.")
    service = "pods.eks.amazonaws.com"
    if not all(_allows(trust, service, action) for action in _POD_ACTIONS):
        raise invalid(
            f"Trust policy of the role provided is invalid: {arn} must allow {service} "
            f"{' and '.join(_POD_ACTIONS)}."
        )


def _trust(arn: str) -> Mapping[str, Any] | None:
    role = internals.module("services.iam")._roles.get(arn.rsplit("/", 1)[-1])
    if role is None or role["Arn"] != arn:
        return None
    document: Mapping[str, Any] = json.loads(role["AssumeRolePolicyDocument"])
    return document


def _allows(trust: Mapping[str, Any], service: str, action: str) -> bool:
    """Whether a trust policy can let a service in; conditions are judged when it comes."""
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
