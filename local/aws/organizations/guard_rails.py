"""Service control policies bind every principal of a member account, its root too.

As on AWS they never bind the management account and service-linked roles, and give nobody anything:
what the account's own policies don't allow stays denied.
"""

import json
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from local.aws import internals
from local.aws.organizations.service import management_of, organizations

_KIND = "SERVICE_CONTROL_POLICY"
_by_guard_rail: ContextVar[bool] = ContextVar("denied_by_guard_rail", default=False)


def install() -> None:
    evaluator = internals.module("core.iam_evaluator")
    actions = internals.module("core.iam_actions")
    internals.replace(evaluator, "enforce", _within_guard_rails)
    internals.replace(evaluator, "_resolve_condition_key", _by_role)
    internals.replace(actions, "access_denied_response", _in_aws_words)


def _within_guard_rails(stock: Any) -> Any:
    evaluator = internals.module("core.iam_evaluator")

    def enforce(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        _by_guard_rail.set(False)
        denied = stock(access_key_id, iam_action, service, region, resource_arn, service_context)
        if denied is not None or not access_key_id:
            return denied
        levels = list(_levels(internals.account()))
        if not levels:
            return None
        principal = evaluator.resolve_principal(access_key_id, internals.account())
        if isinstance(principal, evaluator.AuthError):
            return principal
        context = evaluator.EvalContext(
            principal_arn=principal.arn,
            principal_type=principal.type,
            principal_account=principal.account,
            action=iam_action,
            resource_arn=resource_arn,
            region=region,
            service_context={k.lower(): v for k, v in (service_context or {}).items()},
            principal_keys=principal.keys,
        )
        if ":role/aws-service-role/" in _role_arn(context):
            return None
        result = evaluator.evaluate(context, *levels)
        if result.decision == "Allow":
            return None
        _by_guard_rail.set(True)
        result.principal_arn = principal.arn
        return result

    return enforce


def _levels(account: str) -> Iterator[list[Any]]:
    """The policies of each level from the root to an account; none where none bind."""
    management = management_of(account)
    if management in (None, account):
        return
    service = organizations()
    parse = internals.module("core.iam_evaluator").parse_policy_document
    with internals.acting_in(str(management)):
        if not service._policy_type_enabled(_KIND):
            return
        path, record = [account], service._accounts.get(account)
        while record and record.get("_ParentId"):
            path.append(record["_ParentId"])
            record = service._ous.get(record["_ParentId"])
        for target in reversed(path):
            yield [
                parse(json.loads(policy["_Content"]))
                for identifier, policy in service._policies.items()
                if policy["Type"] == _KIND and target in service._attachments.get(identifier, ())
            ]


def _by_role(stock: Any) -> Any:
    """aws:PrincipalArn of a role's session is the role's ARN."""

    def resolve(key: str, context: Any) -> Any:
        return _role_arn(context) if key.lower() == "aws:principalarn" else stock(key, context)

    return resolve


def _role_arn(context: Any) -> str:
    arn = str(context.principal_arn)
    if ":assumed-role/" not in arn:
        return arn
    name = internals.module("core.iam_evaluator")._role_name_from_assumed_arn(arn)
    roles = internals.module("services.iam")._roles
    role = roles.get_scoped(context.principal_account, None, name)
    return str(role["Arn"]) if role else arn


def _in_aws_words(stock: Any) -> Any:
    def response(*arguments: Any, **options: Any) -> Any:
        status, headers, body = stock(*arguments, **options)
        if _by_guard_rail.get():
            text = body.decode() if isinstance(body, bytes) else body
            text = text.replace("an identity-based policy", "a service control policy")
            body = text.replace("identity-based", "service control").encode()
        return status, headers, body

    return response
