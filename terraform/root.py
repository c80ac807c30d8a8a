"""One Terraform root, run so that what goes wrong is said in a sentence or in Terraform's words."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from terraform.errors import AccountsError

FOLDER = Path(__file__).resolve().parent
UNCHANGED, CHANGED = 0, 2
"""Exit codes of `terraform plan -detailed-exitcode`."""

_LOCK = re.compile(
    r"Path:\s+(?P<path>\S+).*?Who:\s+(?P<who>\S+).*?Created:\s+(?P<since>[^\n]+)", re.S
)


class Root:
    """A folder of `terraform/`, with its own data folder outside of it."""

    def __init__(self, folder: Path, data: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        # Another command in this clone has a plan of its own.
        self._plan = data / f"plan-{os.getpid()}"
        self._environment = {
            **environment,
            "TF_DATA_DIR": str(data),
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
            "CHECKPOINT_DISABLE": "1",
        }

    def init(self, *options: str) -> None:
        """Get the provider of the lock file and reach the state."""
        self._run(["init", "-reconfigure", "-lockfile=readonly", *options])

    def plan(self, *options: str) -> bool:
        """Print the plan and keep it; whether it changes anything."""
        command = ["plan", "-detailed-exitcode", f"-out={self._plan}", *options]
        return self._run(command, accepted=(UNCHANGED, CHANGED), shown=True) == CHANGED

    def apply(self) -> None:
        """Do what the kept plan says."""
        self._run(["apply", str(self._plan)], shown=True)

    def forget_plan(self) -> None:
        self._plan.unlink(missing_ok=True)

    def outputs(self) -> Mapping[str, Any]:
        """Return the outputs; empty when nothing was applied yet."""
        done = self._start(["output", "-json"], shown=False)
        if done.returncode:
            raise AccountsError(_sentence(self.folder.name, "output", done.stderr))
        return {name: output["value"] for name, output in json.loads(done.stdout).items()}

    def _run(
        self, command: Sequence[str], *, accepted: Sequence[int] = (0,), shown: bool = False
    ) -> int:
        done = self._start(command, shown=shown)
        if done.returncode not in accepted:
            raise AccountsError(_sentence(self.folder.name, command[0], done.stderr))
        return done.returncode

    def _start(self, command: Sequence[str], *, shown: bool) -> subprocess.CompletedProcess[str]:
        binary = shutil.which("terraform", path=self._environment.get("PATH", os.defpath))
        if binary is None:
            raise AccountsError("terraform 1.11 or newer is needed, on PATH.")
        sys.stdout.flush()
        return subprocess.run(
            [binary, *command, "-no-color"],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=None if shown else subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def _sentence(root: str, command: str, said: str) -> str:
    lock = _LOCK.search(said) if "Error acquiring the state lock" in said else None
    if lock:
        return (
            f"The state of {root} is locked by {lock['who']} since {lock['since'].strip()}; wait "
            f"for them, or end a lock that nobody holds by deleting {lock['path']}.tflock."
        )
    plain = (line.strip("│╷╵ ") for line in said.splitlines())
    return f"terraform {command} of {root} failed:\n" + "\n".join(filter(None, plain))
