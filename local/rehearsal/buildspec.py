"""A buildspec as one shell script, in whose phases CodeBuild would run it.

install, pre_build and build stop at the first command that fails; post_build runs after a build
that failed, and a phase's `finally` after whatever became of the phase (CodeBuild's user guide,
"Build phase transitions").
"""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from local.rehearsal.errors import ActionFailedError

PHASES = ("install", "pre_build", "build", "post_build")
_TOP = {"version", "env", "phases", "artifacts"}
_ENV = {"variables", "exported-variables", "secrets-manager"}
_PHASE = {"runtime-versions", "commands", "finally"}
_ARTIFACTS = {"base-directory", "files"}


def parse(text: str) -> dict[str, Any]:
    """Return a buildspec. Raises ActionFailedError for what CodeBuild or we would not run."""
    try:
        spec = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ActionFailedError(f"YAML_FILE_ERROR: {error}") from error
    if not isinstance(spec, dict) or str(spec.get("version")) != "0.2":
        raise ActionFailedError("YAML_FILE_ERROR: a buildspec begins with version 0.2.")
    _refuse(spec, _TOP, "a buildspec")
    _refuse(spec.get("env", {}), _ENV, "env")
    phases = spec.get("phases", {})
    _refuse(phases, set(PHASES), "phases")
    for name, phase in phases.items():
        _refuse(phase, _PHASE, name)
    artifacts = spec.get("artifacts", {})
    _refuse(artifacts, {*_ARTIFACTS, "secondary-artifacts"}, "artifacts")
    for name, one in artifacts.get("secondary-artifacts", {}).items():
        _refuse(one, _ARTIFACTS, f"the artifact {name}")
    return spec


def runtimes(spec: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the versions of the runtimes that a buildspec asks for, by name."""
    found = spec.get("phases", {}).get("install", {}).get("runtime-versions", {})
    return {name: str(version) for name, version in found.items()}


def script(spec: Mapping[str, Any], exported: str) -> str:
    """Return a bash script; the values of exported variables go to the file `exported`."""
    lines = ['cd "$CODEBUILD_SRC_DIR"', "__failed=0", *_phases(spec)]
    for name in spec.get("env", {}).get("exported-variables", []):
        lines.append(f'printf "%s=%s\\0" {name} "${{{name}-}}" >> {shlex.quote(exported)}')
    return "\n".join([*lines, "exit $__failed"])


def _phases(spec: Mapping[str, Any]) -> Iterator[str]:
    for name in PHASES:
        phase = spec.get("phases", {}).get(name)
        if not phase:
            continue
        reached = '[ "$__failed" = 0 ]'
        also = ' || [ "$__phase" = build ]' if name == "post_build" else ""
        yield f"if {reached}{also}; then"
        yield f"__before=$__failed; __failed=0; __phase={name}"
        yield "export CODEBUILD_BUILD_SUCCEEDING=$((__before == 0))"
        yield f"echo '[Container] Entering phase {name.upper()}'"
        for command in phase.get("commands", []):
            yield _command(command, reached)
        for command in phase.get("finally", []):
            yield _command(command, "true")
        yield '[ "$__before" = 0 ] || __failed=$__before'
        yield "fi"


def _command(command: str, condition: str) -> str:
    said = shlex.quote(f"[Container] Running command {command.splitlines()[0]}")
    failed = '"[Container] Command did not exit successfully, exit status $__status"'
    return (
        f"if {condition}; then echo {said}\n{command}\n"
        f'__status=$?; [ "$__status" = 0 ] || {{ echo {failed}; __failed=$__status; }}; fi'
    )


def _refuse(given: Mapping[str, Any], known: set[str], where: str) -> None:
    unknown = sorted(set(given) - known)
    if unknown:
        raise ActionFailedError(f"{', '.join(unknown)} of {where} is not rehearsed.")
