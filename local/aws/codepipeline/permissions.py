"""What IAM judges CodePipeline's calls by: the pipeline that they are about, or a stage of it.

Service Authorization Reference, "Resource types defined by AWS CodePipeline".
"""

import json

from local.aws import judged


def install() -> None:
    judged.by("codepipeline", _resource)


def _resource(call: judged.Call) -> str | None:
    given = json.loads(call.body or b"{}")
    pipeline = given.get("pipelineName") or given.get("name")
    if not pipeline:
        return None
    stage = f"/{given['stageName']}" if call.action == "RollbackStage" else ""
    return call.arn(f"{pipeline}{stage}")
