"""The CodeBuild action: the deployed project's buildspec as a process, as the project's role."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local import processes
from local.rehearsal import artifacts, buildspec, source, workplace
from local.rehearsal.cloud import Actor
from local.rehearsal.context import Context
from local.rehearsal.errors import ActionFailedError
from local.rehearsal.stand_ins import StandIns

_TAIL_LINES = 8
_SERVICE = "codebuild.amazonaws.com"


@dataclass(frozen=True)
class Builds:
    """Runs builds, with stand-ins for what this machine doesn't have."""

    stand_ins: StandIns

    def run(self, context: Context) -> Mapping[str, str]:
        """Return the exported variables. Raises ActionFailedError when the build fails."""
        wanted = context.configuration
        build = _start(context, wanted["ProjectName"])
        status = "FAILED"
        try:
            exported = self._build(context, wanted, build)
            status = "SUCCEEDED"
        finally:
            context.root.ask("RecordBuild", {"id": build["id"], "status": status})
        return exported

    def _build(
        self, context: Context, wanted: Mapping[str, str], build: Mapping[str, Any]
    ) -> Mapping[str, str]:
        client = context.root.client("codebuild")
        (project,) = client.batch_get_projects(names=[wanted["ProjectName"]])["projects"]
        name = build["id"].rpartition(":")[2]
        actor = context.root.serve(_SERVICE, project["serviceRole"], project["arn"], name)
        folder = context.folder / f"{context.stage}-{context.action['name']}"
        shutil.rmtree(folder, ignore_errors=True)
        sources, cloned = _unpack(context, wanted, actor, folder)
        spec = _spec(project, folder / "src")
        workplace.compare_runtimes(context, buildspec.runtimes(spec))
        variables = _variables(actor, spec, project, wanted)
        environment = {
            **workplace.prepare(folder, context.folder.parent / "tools"),
            **(workplace.lend_packages(context, folder / "src") if cloned else {}),
            **sources,
            **variables,
            **actor.variables(),
            **_about(context, project, build),
        }
        with self.stand_ins.instead(context, project, folder / "src", environment) as changed:
            return _execute(context, project, spec, folder, actor, {**environment, **changed})


def _start(context: Context, project: str) -> Mapping[str, Any]:
    try:
        build = context.actor.client("codebuild").start_build(projectName=project)["build"]
    except ClientError as error:
        raise ActionFailedError(f"{project}: {error.response['Error']['Message']}") from error
    found: Mapping[str, Any] = build
    return found


def _unpack(
    context: Context, wanted: Mapping[str, str], actor: Actor, folder: Path
) -> tuple[dict[str, str], bool]:
    """Lay out the input artifacts; also whether the primary one is a clone."""
    names = [artifact["name"] for artifact in context.action["inputArtifacts"]]
    primary, cloned, places = wanted.get("PrimarySource", names[0]), False, {}
    for name in names:
        place = folder / "src" if name == primary else folder / "inputs" / name
        data = context.artifacts.get(actor, name)
        if data.startswith(b'{"repository"'):
            # CodeBuild clones by itself, through the connection.
            connection = context.run.variables[source.CLONE]["ConnectionArn"]
            source.use_connection(actor, connection)
            source.clone(context, data, place)
            cloned = cloned or name == primary
        else:
            artifacts.unpack(data, place)
        suffix = "" if name == primary else f"_{name}"
        places[f"CODEBUILD_SRC_DIR{suffix}"] = str(place)
    return places, cloned


def _spec(project: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    text = project["source"].get("buildspec") or "buildspec.yml"
    if "\n" not in text and not text.lstrip().startswith("{"):
        if not (folder / text).exists():
            raise ActionFailedError(f"YAML_FILE_ERROR: stat {text}: no such file or directory")
        text = (folder / text).read_text()
    return buildspec.parse(text)


def _variables(
    actor: Actor, spec: Mapping[str, Any], project: Mapping[str, Any], wanted: Mapping[str, str]
) -> dict[str, str]:
    """The buildspec's variables, then the project's, then the action's: later ones win."""
    env = spec.get("env", {})
    values = {name: str(value) for name, value in env.get("variables", {}).items()}
    listed = [
        *project["environment"].get("environmentVariables", []),
        *json.loads(wanted.get("EnvironmentVariables", "[]")),
    ]
    for name, value in env.get("secrets-manager", {}).items():
        listed.append({"name": name, "type": "SECRETS_MANAGER", "value": value})
    for one in listed:
        match one.get("type", "PLAINTEXT"):
            case "PLAINTEXT":
                values[one["name"]] = str(one["value"])
            case "SECRETS_MANAGER":
                values[one["name"]] = _secret(actor, one["name"], one["value"])
            case other:
                raise ActionFailedError(f"{one['name']} of type {other} is not rehearsed.")
    return values


def _secret(actor: Actor, name: str, reference: str) -> str:
    identifier, _, key = reference.partition(":")
    if reference.startswith("arn:"):
        parts = reference.split(":")
        identifier, key = ":".join(parts[:7]), ":".join(parts[7:])
    key = key.partition(":")[0]
    try:
        found = actor.client("secretsmanager").get_secret_value(SecretId=identifier)
        text = str(found["SecretString"])
        return str(json.loads(text)[key]) if key else text
    except ClientError as error:
        said = error.response["Error"]["Message"]
        raise ActionFailedError(
            f"{name} can't be had from the secret {identifier}: {said} (make it in this account, "
            "as docs/first-day.md says)"
        ) from error
    except (ValueError, KeyError):
        raise ActionFailedError(f"The secret {identifier} must be JSON with {key!r}.") from None


def _about(
    context: Context, project: Mapping[str, Any], build: Mapping[str, Any]
) -> Mapping[str, str]:
    return {
        "CI": "true",
        "CODEBUILD_CI": "true",
        "CODEBUILD_BUILD_ID": build["id"],
        "CODEBUILD_BUILD_ARN": build["arn"],
        "CODEBUILD_BUILD_NUMBER": str(build["buildNumber"]),
        "CODEBUILD_BUILD_IMAGE": project["environment"]["image"],
        "CODEBUILD_INITIATOR": f"codepipeline/{context.pipeline['name']}",
        "CODEBUILD_RESOLVED_SOURCE_VERSION": context.run.commit,
        "CODEBUILD_START_TIME": str(int(time.time() * 1000)),
    }


def _execute(
    context: Context,
    project: Mapping[str, Any],
    spec: Mapping[str, Any],
    folder: Path,
    actor: Actor,
    environment: Mapping[str, str],
) -> Mapping[str, str]:
    log, exported = folder / "build.log", folder / "exported"
    exported.touch()
    (folder / "build.sh").write_text(buildspec.script(spec, str(exported)))
    seconds = project.get("timeoutInMinutes", 60) * 60
    status = _run(folder, log, environment, seconds)
    if status:
        last = log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
        said = "\n".join(f"      {line}" for line in last)
        what = "took too long" if status < 0 else "failed"
        raise ActionFailedError(f"{project['name']} {what}; the end of {log} says:\n{said}")
    wanted = spec.get("artifacts", {})
    for output in (one["name"] for one in context.action["outputArtifacts"]):
        chosen = wanted.get("secondary-artifacts", {}).get(output, wanted)
        context.artifacts.put(actor, output, artifacts.pack(folder / "src", chosen))
    pairs = filter(None, exported.read_text().split("\0"))
    return dict(pair.split("=", 1) for pair in pairs)


def _run(folder: Path, log: Path, environment: Mapping[str, str], seconds: float) -> int:
    """Return the script's exit code, negative when it had to be ended."""
    pid_file = folder / "build.pid"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["/bin/bash", str(folder / "build.sh")],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        processes.record(pid_file, process.pid)
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            return -1
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            pid_file.unlink(missing_ok=True)


def end_leftovers(folder: Path) -> None:
    """End builds that outlived the rehearsal that began them; they would race with the next."""
    for file in folder.glob("*/build.pid"):
        pid = processes.running(file)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        file.unlink(missing_ok=True)
