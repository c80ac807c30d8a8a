"""The source action: the commit of the clone that the rehearsal runs in."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from local.rehearsal.cloud import Actor
from local.rehearsal.context import Context
from local.rehearsal.errors import ActionFailedError

CLONE = "CODEBUILD_CLONE_REF"


def fetch(context: Context) -> Mapping[str, str]:
    """Hand on the commit, or for CODEBUILD_CLONE_REF where it is cloned from."""
    wanted = context.configuration
    use_connection(context.actor, wanted["ConnectionArn"])
    commit = context.run.commit
    if git(context.repository, "status", "--porcelain"):
        context.deviate("Source: what isn't committed is no part of the run.")
    context.deviate("Source: the commit comes from this clone, not through the connection.")
    (output,) = context.action["outputArtifacts"]
    if wanted.get("OutputArtifactFormat") == CLONE:
        data = json.dumps({"repository": str(context.repository), "commit": commit}).encode()
    else:
        archive = ["git", "-C", str(context.repository), "archive", "--format=zip", commit]
        data = subprocess.run(archive, check=True, capture_output=True).stdout
    context.artifacts.put(context.actor, output["name"], data)
    return {
        "CommitId": commit,
        "BranchName": wanted["BranchName"],
        "FullRepositoryName": wanted["FullRepositoryId"],
        "ConnectionArn": wanted["ConnectionArn"],
        "CommitMessage": git(context.repository, "log", "-1", "--format=%s", commit),
    }


def use_connection(actor: Actor, arn: str) -> None:
    """Raises ActionFailedError when there is no such connection, or the actor may not use it."""
    try:
        actor.ask("UseConnection", {"connectionArn": arn})
    except ActionFailedError as error:
        if "not found" not in str(error):
            raise
        raise ActionFailedError(
            f"{error} (make and confirm it in the console of the pipeline's account, and write its "
            "ARN as connection_arn of PIPELINE in config/environments.py)"
        ) from error


def clone(context: Context, data: bytes, folder: Path) -> None:
    """Clone the commit that a source artifact names, with its history and tags."""
    found = json.loads(data)
    words = ["git", "clone", "--quiet", "--no-checkout", found["repository"], str(folder)]
    for command in (words, ["git", "-C", str(folder), "checkout", "--quiet", found["commit"]]):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise ActionFailedError(f"{context.run.commit} can't be cloned: {done.stderr.strip()}")


def git(repository: Path, *words: str) -> str:
    """Return what git says. Raises ActionFailedError."""
    done = subprocess.run(["git", "-C", str(repository), *words], capture_output=True, text=True)
    if done.returncode:
        raise ActionFailedError(f"git {words[0]}: {done.stderr.strip()}")
    return done.stdout.strip()
