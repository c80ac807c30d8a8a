"""STS: trust policies decide strictly who assumes a role, with what second factor, how long."""

import contextvars
import copy
import json
import time
import urllib.parse
from collections.abc import Mapping
from typing import Any

from local.aws import internals, mfa, responses, web_identity
from local.aws.resource_types import before_provisioning

_CHAINED_SECONDS = 3600
"""What a session that comes from another role's session lasts at most."""
_ROLE_SECONDS = range(3600, 43200 + 1)
"""What a role's MaxSessionDuration may be."""

_second_factor: contextvars.ContextVar[bool] = contextvars.ContextVar("mfa", default=False)
"""Whether the request under way came with a code that was right."""


class _Refused(ValueError):
    """STS refuses a call; `code` is the error code that a client sees."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def install() -> None:
    mfa.install()
    web_identity.install()
    _limit_roles()
    sts, evaluator = internals.module("services.sts"), internals.module("core.iam_evaluator")
    internals.replace(sts, "handle_request", _checked)
    internals.replace_in((evaluator, sts), "_principal_keys", _with_second_factor)
    internals.replace(evaluator, "evaluate_trust_policy", _without_services)


def _checked(stock: Any) -> Any:
    async def handle(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        given = _parameters(method, headers, body, query)
        action = given.get("Action")
        if action not in ("AssumeRole", "GetSessionToken"):
            return await stock(method, path, headers, body, query)
        sts = internals.module("services.sts")
        caller = sts._caller_identity(headers, query)
        try:
            # Who isn't known, the stock answer tells.
            known = isinstance(caller, dict)
            factor = known and _shows_second_factor(caller, given)
            if known and action == "AssumeRole":
                _limit_duration(caller, given)
        except _Refused as refused:
            return sts._error(refused.status, refused.code, str(refused), ns="sts")
        marked = _second_factor.set(factor)
        try:
            answer = await stock(method, path, headers, body, query)
        finally:
            _second_factor.reset(marked)
        if factor and action == "GetSessionToken" and answer[0] < 400:
            # AssumeRole's sessions don't carry it on.
            key = responses.element(answer, "AccessKeyId")
            sts._sessions[key]["SecondFactorAt"] = time.time()
        return answer

    return handle


def _parameters(method: str, headers: Any, body: bytes, query: Any) -> Mapping[str, str]:
    if headers.get("x-amz-target"):
        name = str(headers["x-amz-target"]).rpartition(".")[2]
        return {**json.loads(body or b"{}"), "Action": name}
    found = {key: values[0] for key, values in query.items() if values}
    if method == "POST":
        found |= dict(urllib.parse.parse_qsl(body.decode()))
    return found


def _shows_second_factor(caller: Mapping[str, Any], given: Mapping[str, str]) -> bool:
    serial, code = (str(given.get(name) or "") for name in ("SerialNumber", "TokenCode"))
    if not serial and not code:
        return False
    # Only somebody's long-term key comes with a device.
    user = "" if caller["isTemporary"] else caller["principalName"]
    try:
        mfa.require(caller["accountId"], user, serial, code)
    except mfa.MfaError as error:
        raise _Refused(403, "AccessDenied", f"MultiFactorAuthentication failed, {error}") from error
    return True


def _limit_duration(caller: Mapping[str, Any], given: Mapping[str, str]) -> None:
    seconds = int(given.get("DurationSeconds") or _CHAINED_SECONDS)
    parts = str(given.get("RoleArn", "")).split(":")
    account, name = parts[4] if len(parts) > 4 else "", parts[-1].rsplit("/", 1)[-1]
    role = internals.module("services.iam")._roles.get_scoped(account, None, name)
    if role is not None and seconds > int(role["MaxSessionDuration"]):
        said = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        raise _Refused(400, "ValidationError", said)
    if caller["principalType"] == "AssumedRole" and seconds > _CHAINED_SECONDS:
        said = (
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed "
            "by role chaining"
        )
        raise _Refused(400, "ValidationError", said)


def _limit_roles() -> None:
    """Refuse a role's session limit that IAM refuses, in API calls and in templates."""
    iam = internals.module("services.iam")
    handlers = internals.member(iam, "_IAM_HANDLERS")

    def checked(stock: Any) -> Any:
        def call(request: Any) -> Any:
            try:
                _require_role_limit(iam._p(request, "MaxSessionDuration") or 3600)
            except ValueError as error:
                return iam._error(400, "ValidationError", str(error), ns="iam")
            return stock(request)

        return call

    for name in ("CreateRole", "UpdateRole"):
        handlers[name] = checked(handlers[name])
    before_provisioning(
        "AWS::IAM::Role", lambda new: _require_role_limit(new.get("MaxSessionDuration", 3600))
    )


def _require_role_limit(seconds: Any) -> None:
    if int(seconds) not in _ROLE_SECONDS:
        raise ValueError(f"MaxSessionDuration {seconds} must be between 3600 and 43200.")


def _with_second_factor(stock: Any) -> Any:
    def keys(credential: Any) -> dict[str, Any]:
        found: dict[str, Any] = stock(credential)
        session = internals.module("services.sts")._sessions.get(credential.access_key_id) or {}
        at = time.time() if _second_factor.get() else session.get("SecondFactorAt")
        if at is not None:
            found["aws:multifactorauthpresent"] = "true"
            found["aws:multifactorauthage"] = str(int(time.time() - at))
        return found

    return keys


def _without_services(stock: Any) -> Any:
    """Trust in a service lets no account in; MiniStack lets every account's root in by it."""

    def evaluate(document: Any, caller: str, context: Any = None) -> bool:
        trust = json.loads(document) if isinstance(document, str) else copy.deepcopy(document)
        statements = trust.get("Statement", [])
        for statement in [statements] if isinstance(statements, dict) else statements:
            if isinstance(statement.get("Principal"), dict):
                statement["Principal"].pop("Service", None)
        return bool(stock(trust, caller, context))

    return evaluate
