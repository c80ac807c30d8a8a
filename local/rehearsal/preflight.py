"""Whether a pipeline may act wherever it will, asked before it does anything anywhere."""

from collections.abc import Mapping
from typing import Any

from local.rehearsal.cloud import Actor
from local.rehearsal.errors import ActionFailedError

DEVIATION = "Run: whether each action's role can be assumed was tried before the first action."


def check(pipeline: Mapping[str, Any], service: Actor) -> None:
    """Raise ActionFailedError with a sentence for each role that the pipeline's can't assume.

    Production's would show after its approval otherwise.
    """
    refused: list[str] = []
    tried = set[str]()
    for stage in pipeline["stages"]:
        for action in stage["actions"]:
            role = action.get("roleArn")
            if role is None or role in tried:
                continue
            tried.add(role)
            try:
                service.assume(role, "preflight")
            except ActionFailedError as error:
                refused.append(f"{stage['name']}/{action['name']}: {error}")
    if refused:
        raise ActionFailedError("\n".join(refused))
