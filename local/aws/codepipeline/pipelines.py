"""AWS::CodePipeline::Pipeline: a structure that CodePipeline would take, version by version."""

import time
import uuid
from collections.abc import Mapping
from typing import Any

from local.aws import internals
from local.aws.codepipeline.structure import check
from local.aws.resource_types import (
    Attributes,
    Properties,
    ResourceType,
    boolean,
    physical_name,
    register,
    words,
)

Record = dict[str, Any]

pipelines = internals.module("core.responses").AccountRegionScopedDict()
"""Pipelines by name, as GetPipeline shows them."""
executions = internals.module("core.responses").AccountRegionScopedDict()
"""The runs of each pipeline, the newest first."""


def install() -> None:
    register(
        ResourceType(
            name="AWS::CodePipeline::Pipeline",
            properties=words(
                "ArtifactStore ExecutionMode Name PipelineType RestartExecutionOnUpdate RoleArn "
                "Stages"
            ),
            create_only=words("Name"),
            create=_create,
            update=_update,
            delete=_delete,
            read=_read,
            reads=words("ExecutionMode PipelineType RoleArn"),
        )
    )


def start(name: str, trigger: str) -> Record:
    """Begin a run of what the pipeline is now."""
    run: Record = {
        "pipelineExecutionId": str(uuid.uuid4()),
        "status": "InProgress",
        "startTime": int(time.time()),
        "lastUpdateTime": int(time.time()),
        "sourceRevisions": [],
        "trigger": {"triggerType": trigger},
        "executionMode": pipelines[name]["pipeline"]["executionMode"],
        "executionType": "STANDARD",
        "pipelineVersion": pipelines[name]["pipeline"]["version"],
    }
    executions[name] = [run, *executions.get(name, [])]
    return run


def _create(logical_id: str, properties: Properties, stack: str) -> tuple[str, Attributes]:
    name = str(properties.get("Name") or physical_name(stack, logical_id, 100))
    if name in pipelines:
        raise ValueError(f"A pipeline with the name '{name}' already exists in this account.")
    _declare(name, properties, 1)
    start(name, "CreatePipeline")
    return name, {"Version": "1"}


def _update(name: str, _old: Properties, new: Properties) -> Attributes:
    version = pipelines[name]["pipeline"]["version"] + 1
    _declare(name, new, version)
    if boolean(new.get("RestartExecutionOnUpdate", False)):
        start(name, "StartPipelineExecution")
    return {"Version": str(version)}


def _delete(name: str, _properties: Properties) -> None:
    pipelines.pop(name, None)
    executions.pop(name, None)


def _read(name: str, _properties: Properties) -> Properties | None:
    record = pipelines.get(name)
    if record is None:
        return None
    shown = record["pipeline"]
    return {
        "ExecutionMode": shown["executionMode"],
        "PipelineType": shown["pipelineType"],
        "RoleArn": shown["roleArn"],
    }


def _declare(name: str, properties: Properties, version: int) -> None:
    declared = _plain(properties)
    # Read here, so that the audit sees it: it is CloudFormation's, no part of the pipeline.
    declared.pop("RestartExecutionOnUpdate", None)
    shown = _shown(declared) | {"name": name, "version": version}
    shown.setdefault("executionMode", "SUPERSEDED")
    shown.setdefault("pipelineType", "V1")
    check(shown)
    region, account = internals.region(), internals.account()
    pipelines[name] = {
        "pipeline": shown,
        "metadata": {
            "pipelineArn": f"arn:aws:codepipeline:{region}:{account}:{name}",
            "updated": int(time.time()),
        },
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _shown(value: Any) -> Any:
    """The API's spelling; the keys of an action's configuration are data and stay."""
    if isinstance(value, list):
        return [_shown(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    return {
        key[:1].lower() + key[1:]: (
            {name: str(text) for name, text in item.items()}
            if key == "Configuration"
            else _shown(item)
        )
        for key, item in value.items()
    }
