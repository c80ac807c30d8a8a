"""What CodePipeline takes for a pipeline: the rules of its user guide and its quotas."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from local.aws import internals
from local.aws.resource_types import NotEmulatedError, refuse_unknown, words

ACTIONS_LIMIT = 50
"""In a stage (quotas of CodePipeline)."""
PROVIDERS: Mapping[str, tuple[str, frozenset[str]]] = {
    "CodeStarSourceConnection": (
        "Source",
        words("ConnectionArn FullRepositoryId BranchName OutputArtifactFormat DetectChanges"),
    ),
    "CodeBuild": ("Build", words("ProjectName PrimarySource EnvironmentVariables")),
    "CloudFormation": (
        "Deploy",
        words(
            "ActionMode Capabilities ChangeSetName ParameterOverrides RoleArn StackName "
            "TemplateConfiguration TemplatePath"
        ),
    ),
    "Manual": ("Approval", words("CustomData ExternalEntityLink NotificationArn")),
}
"""Category and configuration of the providers whose actions a rehearsal runs."""
_STAGE = words("actions name onFailure")
_ACTION = words(
    "actionTypeId configuration inputArtifacts name namespace outputArtifacts region roleArn "
    "runOrder"
)
_NAME = re.compile(r"[A-Za-z0-9.@_-]{1,100}")


def check(pipeline: dict[str, Any]) -> None:
    """Fill in what is left out. Raises ValueError, NotEmulatedError for what nothing would run."""
    if pipeline.get("pipelineType") != "V2":
        raise NotEmulatedError("AWS::CodePipeline::Pipeline PipelineType must be V2 here.")
    if pipeline["executionMode"] != "SUPERSEDED":
        raise NotEmulatedError("AWS::CodePipeline::Pipeline ExecutionMode must be SUPERSEDED here.")
    _check_role(pipeline["roleArn"])
    _check_store(pipeline["artifactStore"])
    stages: Sequence[dict[str, Any]] = pipeline["stages"]
    _require_unique("stage", [stage["name"] for stage in stages])
    if len(stages) < 2:
        raise ValueError("Pipeline must have at least two stages.")
    made: set[str] = set()
    for number, stage in enumerate(stages):
        refuse_unknown("AWS::CodePipeline::Pipeline stage", stage, _STAGE)
        _check_failure(stage.get("onFailure", {}))
        actions = stage["actions"]
        if not 1 <= len(actions) <= ACTIONS_LIMIT:
            raise ValueError(f"Stage {stage['name']} must have 1 to {ACTIONS_LIMIT} actions.")
        _require_unique("action", [action["name"] for action in actions])
        for action in sorted(actions, key=lambda one: int(one.get("runOrder", 1))):
            _complete(action)
            if (action["actionTypeId"]["category"] == "Source") != (number == 0):
                raise ValueError(
                    f"Only the first stage has source actions, and no others: {action['name']}."
                )
            for artifact in action["inputArtifacts"]:
                if artifact["name"] not in made:
                    raise ValueError(
                        f"Input artifact {artifact['name']} of {action['name']} is made by no "
                        "action before it."
                    )
            made |= {artifact["name"] for artifact in action["outputArtifacts"]}


def _complete(action: dict[str, Any]) -> None:
    refuse_unknown("AWS::CodePipeline::Pipeline action", action, _ACTION)
    kind, provider = action["actionTypeId"], action["actionTypeId"]["provider"]
    category, known = PROVIDERS.get(provider, ("", frozenset()))
    if kind["category"] not in (category, "Test" if provider == "CodeBuild" else category):
        raise NotEmulatedError(f"{kind['category']} by {provider} is not emulated.")
    action.setdefault("configuration", {})
    refuse_unknown(f"{provider} action", action["configuration"], known)
    action["runOrder"] = int(action.get("runOrder", 1))
    action.setdefault("inputArtifacts", [])
    action.setdefault("outputArtifacts", [])
    if "roleArn" in action:
        _check_role(action["roleArn"])


def _check_failure(failure: Mapping[str, Any]) -> None:
    refuse_unknown("AWS::CodePipeline::Pipeline OnFailure", failure, words("result"))
    if failure and failure["result"] != "ROLLBACK":
        raise NotEmulatedError(f"OnFailure {failure['result']} is not emulated.")


def _check_role(arn: str) -> None:
    account, name = arn.split(":")[4], arn.rsplit("/", 1)[-1]
    if internals.module("services.iam")._roles.get_scoped(account, None, name) is None:
        raise ValueError(f"Role {arn} does not exist; bootstrap makes those that are named cdk-*.")


def _check_store(store: Mapping[str, Any]) -> None:
    refuse_unknown("ArtifactStore", store, words("encryptionKey location type"))
    owner = internals.module("services.s3")._bucket_owner_account(store["location"])
    if store["type"] != "S3" or owner != internals.account():
        raise ValueError(f"The artifact store {store['location']} must be a bucket of the account.")


def _require_unique(noun: str, names: Sequence[str]) -> None:
    for name in _twice(names):
        raise ValueError(f"Each {noun} needs a name of its own: {name} is there twice.")
    for name in names:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name for a {noun}.")


def _twice(names: Sequence[str]) -> Iterator[str]:
    yield from (name for number, name in enumerate(names) if name in names[:number])
