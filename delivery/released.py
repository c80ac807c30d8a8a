"""What production runs, as the pipeline's runs tell it."""

from collections.abc import Mapping
from typing import Any

import boto3

from delivery.release import ReleaseError


def released(pipeline: str) -> str:
    """Return the commit that this account's pipeline last brought to its end, or nothing.

    Going back to such a run by hand counts, as production's: which stage went back, a run doesn't
    say. A stage that goes back by itself gets what production has already, or hasn't seen.
    Raises ReleaseError, botocore's BotoCoreError or ClientError.
    """
    pages = boto3.client("codepipeline").get_paginator("list_pipeline_executions")
    runs = [
        run
        for page in pages.paginate(pipelineName=pipeline)
        for run in page["pipelineExecutionSummaries"]
        if run["status"] == "Succeeded"
    ]
    ended = {run["pipelineExecutionId"] for run in runs if run["executionType"] == "STANDARD"}
    # The newest comes first.
    for run in runs:
        if run["pipelineExecutionId"] in ended or _by_hand_to(run) in ended:
            for source in run.get("sourceRevisions", []):
                return str(source["revisionId"])
            raise ReleaseError(
                f"Run {run['pipelineExecutionId']} of {pipeline} doesn't say of which commit it "
                "was; '--from' says it."
            )
    return ""


def _by_hand_to(run: Mapping[str, Any]) -> str:
    if run["trigger"]["triggerType"] != "ManualRollback":
        return ""
    return str(run["rollbackMetadata"]["rollbackTargetPipelineExecutionId"])
