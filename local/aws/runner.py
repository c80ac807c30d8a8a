"""What AWS's own services do by themselves, for who runs a pipeline in their place.

No API of AWS: calls to the target `MindforceRunner`, which only an account's root may make, but
for UseConnection, which is judged for its caller.
"""

import json
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

from local.aws import codebuild, codeconnections, internals, responses
from local.aws.codepipeline.api import CodePipelineError, find_run
from local.aws.routing import serve

_SECONDS = 3600


class _Refused(ValueError):
    """A service would not do this; the message says why."""


def install() -> None:
    serve("mindforce-runner", ["MindforceRunner"], _handle, judged=False)


def _handle(action: str, body: bytes, key: str) -> responses.Response:
    given = json.loads(body or b"{}")
    try:
        if action == "UseConnection":
            return responses.answer(_use_connection(given, key))
        if action not in _ACTIONS:
            raise _Refused(f"{action} is nothing that a runner does.")
        if key != internals.account():
            raise _Refused("Only the account's root runs its pipelines here.")
        return responses.answer(_ACTIONS[action](given))
    except (_Refused, CodePipelineError) as error:
        return responses.refusal(403, "AccessDeniedException", str(error))


def _service_credentials(given: Mapping[str, str]) -> Mapping[str, Any]:
    """A session of a role, as the service gets it that the role trusts."""
    arn, service = given["roleArn"], given["service"]
    account, name = arn.split(":")[4], arn.rsplit("/", 1)[-1]
    role = internals.module("services.iam")._roles.get_scoped(account, None, name)
    if role is None or not _trusts(role["AssumeRolePolicyDocument"], service, given["sourceArn"]):
        raise _Refused(f"{service} is not authorized to perform: sts:AssumeRole on {arn}")
    key = f"ASIA{secrets.token_hex(8).upper()}"
    secret, token = secrets.token_hex(20), secrets.token_hex(20)
    session = given["sessionName"][:64]
    internals.module("services.sts").register_session(
        key,
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/{session}",
            "UserId": f"{name}:{session}",
            "SecretAccessKey": secret,
            "SessionToken": token,
            "Expiration": time.time() + _SECONDS,
            "AccountId": account,
            "PrincipalType": "AssumedRole",
            "SessionTags": [],
        },
    )
    return {"AccessKeyId": key, "SecretAccessKey": secret, "SessionToken": token}


def _trusts(document: Any, service: str, source: str) -> bool:
    evaluator = internals.module("core.iam_evaluator")
    trust = json.loads(document) if isinstance(document, str) else document
    context = evaluator.EvalContext(
        principal_arn=service,
        principal_type="AWSService",
        principal_account="",
        action="sts:AssumeRole",
        resource_arn="*",
        region=internals.region(),
        service_context={"aws:sourceaccount": internals.account(), "aws:sourcearn": source},
    )
    # A role's trust policy names no resource: it is about the role itself.
    everywhere = {
        **trust,
        "Statement": [{**one, "Resource": "*"} for one in _listed(trust["Statement"])],
    }
    decided = evaluator.evaluate_resource_policy(everywhere, context, service=service)
    return bool(decided.decision == "Allow")


def _listed(statements: Any) -> list[Any]:
    return [statements] if isinstance(statements, dict) else list(statements)


def _record_run(given: Mapping[str, str]) -> Mapping[str, Any]:
    run = find_run(given["pipelineName"], given["pipelineExecutionId"])
    run.update(status=given["status"], lastUpdateTime=int(time.time()))
    if "triggerType" in given:
        run["trigger"] = {"triggerType": given["triggerType"]}
    return {}


def _record_source(given: Mapping[str, str]) -> Mapping[str, Any]:
    run = find_run(given["pipelineName"], given["pipelineExecutionId"])
    made = {key: given[key] for key in ("actionName", "revisionId", "revisionSummary")}
    others = [one for one in run["sourceRevisions"] if one["actionName"] != made["actionName"]]
    run["sourceRevisions"] = [*others, made]
    return {}


def _record_build(given: Mapping[str, str]) -> Mapping[str, Any]:
    codebuild.finish(given["id"], given["status"])
    return {}


def _confirm_connection(given: Mapping[str, str]) -> Mapping[str, Any]:
    return codeconnections.confirm(given["connectionArn"], given["repository"])


def _forget_connection(given: Mapping[str, str]) -> Mapping[str, Any]:
    codeconnections.connections.pop(given["connectionArn"], None)
    return {}


def _use_connection(given: Mapping[str, str], key: str) -> Mapping[str, Any]:
    arn = given["connectionArn"]
    connection = codeconnections.connections.get(arn)
    if connection is None:
        raise _Refused(f"Connection not found: {arn}")
    for service in dict.fromkeys((arn.split(":")[2], "codestar-connections")):
        action = f"{service}:UseConnection"
        denied = internals.module("core.iam_evaluator").enforce(
            key, action, service, internals.region(), resource_arn=arn
        )
        if denied:
            who = getattr(denied, "principal_arn", "") or key
            raise _Refused(f"{who} is not authorized to perform: {action} on resource: {arn}")
    return {}


_ACTIONS: Mapping[str, Callable[[Mapping[str, str]], Mapping[str, Any]]] = {
    "ServiceCredentials": _service_credentials,
    "RecordRun": _record_run,
    "RecordSource": _record_source,
    "RecordBuild": _record_build,
    "ConfirmConnection": _confirm_connection,
    "ForgetConnection": _forget_connection,
}
