"""The CDK CLI, run against the stand-in."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from local.errors import LocalError
from local.isolation import isolated
from local.paths import ROOT
from local.target import AccountTarget

_DEPLOYED = re.compile(r"✅\s+(?P<stack>\S+)")
_TAIL_LINES = 40
CLI = ROOT / "node_modules" / ".bin" / "cdk"


class Cdk:
    """Runs the CDK CLI and keeps all it says in a log."""

    def __init__(self, log: Path, command: Path = CLI) -> None:
        self._log = log
        self._command = command

    def synth(self, app: str | None, output: Path) -> None:
        """Synthesize into a folder. Raises LocalError with the app's own words."""
        chosen = ["--app", app] if app else []
        self._run(["synth", "--quiet", "--output", str(output), *chosen], {})

    def bootstrap(self, target: AccountTarget, assembly: Path, options: Sequence[str] = ()) -> None:
        """Prepare an account for deploys by CDK.

        Told where the assembly is, the CLI doesn't synthesize into the clone's cdk.out, which
        whoever synthesizes there at the time would refuse.
        """
        environment = target.environment
        where = f"aws://{environment.account}/{environment.region}"
        command = ["bootstrap", where, "--app", str(assembly), *options]
        self._run(command, target.variables)

    def deploy(
        self, target: AccountTarget, assembly: Path, stacks: str, report: Callable[[str], None]
    ) -> None:
        """Deploy stacks, all that match and what they depend on.

        Raises LocalError with what CloudFormation said when one fails.
        """
        options = ["--require-approval", "never", "--progress", "events", "--concurrency", "3"]
        command = ["deploy", stacks, "--app", str(assembly), *options]

        def heard(line: str) -> None:
            if done := _DEPLOYED.match(line.strip()):
                report(f"{done['stack']} stands")

        self._run(command, target.variables, heard)

    def destroy(self, target: AccountTarget, assembly: Path, stacks: str) -> None:
        """Delete stacks, each before what it depends on. Raises LocalError when one stays."""
        command = ["destroy", stacks, "--app", str(assembly), "--force", "--progress", "events"]
        self._run(command, target.variables)

    def diff(self, target: AccountTarget, assembly: Path, stacks: str) -> str:
        """Return what a deploy would change, as the CLI prints it."""
        return self._run(["diff", stacks, "--app", str(assembly)], target.variables)

    def _run(
        self,
        arguments: Sequence[str],
        variables: Mapping[str, str],
        heard: Callable[[str], None] = lambda line: None,
    ) -> str:
        clean = isolated(os.environ)
        # cdk.json says "python", and means the one that runs this.
        clean["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        self._log.parent.mkdir(parents=True, exist_ok=True)
        lines: list[str] = []
        with (
            self._log.open("a") as log,
            subprocess.Popen(
                [self._command, *arguments],
                cwd=ROOT,
                env={**clean, **variables, "CI": "true", "NO_COLOR": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            ) as process,
        ):
            print(f"$ cdk {' '.join(arguments)}", file=log)
            assert process.stdout is not None
            for line in process.stdout:
                log.write(line)
                log.flush()
                lines.append(line)
                heard(line)
        if process.returncode:
            raise LocalError(f"cdk {arguments[0]} failed:\n{''.join(_tail(lines))}")
        return "".join(lines)


def _tail(lines: Sequence[str]) -> Sequence[str]:
    """The lines that matter: failures, and then the end."""
    failures = [line for line in lines if "_FAILED" in line]
    return [*failures, *[line for line in lines[-_TAIL_LINES:] if line not in failures]]
