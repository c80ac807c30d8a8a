"""SimulateCustomPolicy by the evaluator that decides about calls, with a boundary and a context.

MiniStack's own answers for one resource and drops what the request says about the caller.
"""

import json
import re
from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape

from local.aws import internals

_KNOWN = re.compile(
    r"Action|Version|CallerArn|((ActionNames|ResourceArns|PolicyInputList"
    r"|PermissionsBoundaryPolicyInputList)\.member\.\d+)"
    r"|(ContextEntries\.member\.\d+\.(ContextKey\w+|ContextKeyValues\.member\.\d+))"
)
_DECISIONS = {"Allow": "allowed", "Deny": "explicitDeny", "ImplicitDeny": "implicitDeny"}

Request = dict[str, list[str]]


def install() -> None:
    service = internals.module("services.iam")
    internals.member(service, "_IAM_HANDLERS")["SimulateCustomPolicy"] = _simulate


def _simulate(request: Request) -> Any:
    service = internals.module("services.iam")
    evaluator = internals.module("core.iam_evaluator")
    unknown = [name for name in request if not _KNOWN.fullmatch(name)]
    if unknown:
        message = f"SimulateCustomPolicy {', '.join(unknown)} is not emulated."
        return service._error(400, "InvalidInput", message, ns="iam")
    parsed = {
        name: [
            evaluator.parse_policy_document(json.loads(text)) for text in _members(request, name)
        ]
        for name in ("PolicyInputList", "PermissionsBoundaryPolicyInputList")
    }
    boundary = parsed["PermissionsBoundaryPolicyInputList"]
    results = ""
    for action in _members(request, "ActionNames"):
        for resource in list(_members(request, "ResourceArns")) or ["*"]:
            decided = evaluator.evaluate(
                _context(request, action, resource),
                parsed["PolicyInputList"],
                *([boundary] if boundary else []),
            )
            results += (
                f"<member><EvalActionName>{action}</EvalActionName>"
                f"<EvalResourceName>{escape(resource)}</EvalResourceName>"
                f"<EvalDecision>{_DECISIONS[decided.decision]}</EvalDecision>"
                f"<MatchedStatements>{_matched(decided.matched_sid)}</MatchedStatements>"
                "<MissingContextValues></MissingContextValues></member>"
            )
    return service._xml(
        200,
        "SimulateCustomPolicyResponse",
        f"<SimulateCustomPolicyResult><EvaluationResults>{results}</EvaluationResults>"
        "<IsTruncated>false</IsTruncated></SimulateCustomPolicyResult>",
        ns="iam",
    )


def _context(request: Request, action: str, resource: str) -> Any:
    account = internals.account()
    caller = next(iter(request.get("CallerArn", [])), f"arn:aws:iam::{account}:root")
    given = dict(_entries(request))
    region = given.pop("aws:requestedregion", [internals.region()])
    return internals.module("core.iam_evaluator").EvalContext(
        principal_arn=caller,
        principal_type="Root" if caller.endswith(":root") else "AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=region[0],
        service_context={k: v[0] if len(v) == 1 else v for k, v in given.items()},
    )


def _entries(request: Request) -> Iterator[tuple[str, list[str]]]:
    number = 1
    while f"ContextEntries.member.{number}.ContextKeyName" in request:
        entry = f"ContextEntries.member.{number}"
        key = request[f"{entry}.ContextKeyName"][0].lower()
        yield key, list(_members(request, f"{entry}.ContextKeyValues"))
        number += 1


def _members(request: Request, name: str) -> Iterator[str]:
    number = 1
    while f"{name}.member.{number}" in request:
        yield request[f"{name}.member.{number}"][0]
        number += 1


def _matched(statement: str) -> str:
    if not statement:
        return ""
    return f"<member><SourcePolicyId>{escape(statement)}</SourcePolicyId></member>"
