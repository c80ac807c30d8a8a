"""CodePipeline's API: pipelines are shown and started; a call that isn't here is refused."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from local.aws import internals, responses
from local.aws.codepipeline.pipelines import Record, executions, pipelines, start
from local.aws.resource_types import words
from local.aws.routing import serve

Body = Mapping[str, Any]
_HIDDEN = {"pipelineVersion", "clientRequestToken"}
"""What is kept of a run and no summary shows."""


class CodePipelineError(ValueError):
    """CodePipeline refuses a call; `code` is the error code a client sees."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def install() -> None:
    serve("codepipeline", ["CodePipeline_20150709"], _handle)


def _handle(action: str, body: bytes, _key: str) -> responses.Response:
    if action not in _ACTIONS:
        return responses.refusal(400, "InvalidAction", f"CodePipeline {action} is not emulated.")
    known, call = _ACTIONS[action]
    given = json.loads(body or b"{}")
    unknown = sorted(set(given) - set(known))
    if unknown:
        said = f"{action} {', '.join(unknown)} is not emulated."
        return responses.refusal(400, "ValidationException", said)
    try:
        return responses.answer(call(given))
    except CodePipelineError as error:
        return responses.refusal(400, error.code, str(error))


def find(name: str) -> Record:
    """Return a pipeline's record. Raises CodePipelineError."""
    if name not in pipelines:
        raise CodePipelineError(
            "PipelineNotFoundException",
            f"Account '{internals.account()}' does not have a pipeline with name '{name}'",
        )
    record: Record = pipelines[name]
    return record


def find_run(name: str, identifier: str) -> Record:
    """Return a run's record. Raises CodePipelineError."""
    find(name)
    for run in executions.get(name, []):
        if run["pipelineExecutionId"] == identifier:
            found: Record = run
            return found
    raise CodePipelineError(
        "PipelineExecutionNotFoundException", f"{name} has no execution {identifier}"
    )


def _list(_body: Body) -> Body:
    return {
        "pipelines": [
            {
                **{key: one["pipeline"][key] for key in ("name", "version", "pipelineType")},
                "updated": one["metadata"]["updated"],
            }
            for one in pipelines.values()
        ]
    }


def _start(body: Body) -> Body:
    find(body["name"])
    token = body.get("clientRequestToken")
    for run in executions.get(body["name"], []):
        if token and run.get("clientRequestToken") == token:
            return {"pipelineExecutionId": run["pipelineExecutionId"]}
    run = start(body["name"], "StartPipelineExecution")
    run["clientRequestToken"] = token
    return {"pipelineExecutionId": run["pipelineExecutionId"]}


def _runs(body: Body) -> Body:
    find(body["pipelineName"])
    return {
        "pipelineExecutionSummaries": [
            {key: value for key, value in run.items() if key not in _HIDDEN}
            for run in executions.get(body["pipelineName"], [])
        ]
    }


def _run(body: Body) -> Body:
    run = find_run(body["pipelineName"], body["pipelineExecutionId"])
    unseen = {"startTime", "lastUpdateTime", "clientRequestToken", "sourceRevisions"}
    shown = {key: value for key, value in run.items() if key not in unseen}
    return {"pipelineExecution": {"pipelineName": body["pipelineName"], **shown}}


def _roll_back(body: Body) -> Body:
    target = find_run(body["pipelineName"], body["targetPipelineExecutionId"])
    stages = find(body["pipelineName"])["pipeline"]["stages"]
    if body["stageName"] not in [stage["name"] for stage in stages]:
        raise CodePipelineError("StageNotFoundException", f"There is no stage {body['stageName']}")
    if target["pipelineVersion"] != find(body["pipelineName"])["pipeline"]["version"]:
        raise CodePipelineError(
            "UnableToRollbackStageException", "The pipeline has changed since that execution."
        )
    run = start(body["pipelineName"], "ManualRollback")
    run.update(
        executionType="ROLLBACK",
        rollbackMetadata={"rollbackTargetPipelineExecutionId": target["pipelineExecutionId"]},
        # Its artifacts are the target's.
        sourceRevisions=target["sourceRevisions"],
    )
    return {"pipelineExecutionId": run["pipelineExecutionId"]}


_ACTIONS: dict[str, tuple[Iterable[str], Callable[[Body], Body]]] = {
    "GetPipeline": (words("name"), lambda body: find(body["name"])),
    "ListPipelines": ((), _list),
    "StartPipelineExecution": (words("name clientRequestToken"), _start),
    "ListPipelineExecutions": (words("pipelineName maxResults"), _runs),
    "RollbackStage": (words("pipelineName stageName targetPipelineExecutionId"), _roll_back),
    "GetPipelineExecution": (words("pipelineName pipelineExecutionId"), _run),
}
