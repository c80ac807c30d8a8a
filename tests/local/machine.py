"""One clone's worth of standing environments, driven by the commands that users have."""

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

from config.environments import DEV
from local import access
from local.emulator import Emulator
from local.paths import ROOT, State, cache
from local.target import Target
from local.tools import build


class Machine:
    """A state folder, and the commands on it."""

    def __init__(self, folder: Path) -> None:
        self.state = State(folder)

    def run(self, *arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Run `python -m local` as the Makefile does."""
        return subprocess.run(self._command(*arguments), timeout=timeout, **self._options())

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command in a process group of its own, as a terminal does, and leave it."""
        options = self._options(popen=True)
        return subprocess.Popen(self._command(*arguments), start_new_session=True, **options)

    def up(self, *changes: str) -> subprocess.CompletedProcess[str]:
        """Stand dev up, with some of its config changed."""
        return self.run("up", "--app", variant(*changes))

    @property
    def emulator(self) -> Emulator:
        return Emulator(self.state)

    @property
    def target(self) -> Target:
        return Target(environment=DEV, endpoint=self.emulator.endpoint)

    def client(self, service: Any) -> Any:
        """Return a boto3 client of dev's account."""
        return self.session.client(service, endpoint_url=self.target.endpoint)

    @property
    def session(self) -> boto3.Session:
        return access.session(self.target)

    def kubectl(self, *arguments: str, token: str | None = None) -> Any:
        """Run kubectl with an IAM token, of the admin role unless another is given.

        Returns what it answers, from JSON where it is asked for. Raises CalledProcessError.
        """
        kubectl = str(build.ensure(cache(), lambda _: None) / "kubectl")
        config = json.loads(access.kubeconfig(self.state, self.target).read_text())
        if token is None:
            token = self.token(access.admin_role(self.target))
        config["users"][0]["user"] = {"token": token}
        file = self.state.folder / f"kubeconfig-{os.getpid()}.json"
        file.write_text(json.dumps(config))
        done = subprocess.run(
            [kubectl, "--kubeconfig", str(file), *arguments],
            capture_output=True,
            text=True,
            timeout=60,
        )
        file.unlink()
        if done.returncode:
            said = done.stdout, done.stderr
            raise subprocess.CalledProcessError(done.returncode, "kubectl", *said)
        return json.loads(done.stdout) if "json" in arguments else done.stdout

    def token(self, role: str, cluster: str = "dev") -> str:
        """Return a token as an IAM role gets it for a cluster."""
        token: str = access.token(self.state, self.target, cluster, role)["status"]["token"]
        return token

    def stack(self, name: str) -> Mapping[str, Any]:
        (found,) = self.client("cloudformation").describe_stacks(StackName=f"dev-{name}")["Stacks"]
        described: Mapping[str, Any] = found
        return described

    def templates(self) -> Mapping[str, Any]:
        """Return the template of each of dev's stacks, as CloudFormation has it."""
        cloudformation = self.client("cloudformation")
        stacks = cloudformation.describe_stacks()["Stacks"]
        names = [s["StackName"] for s in stacks if s["StackName"].startswith("dev-")]
        return {n: cloudformation.get_template(StackName=n)["TemplateBody"] for n in names}

    def events(self, name: str) -> list[Mapping[str, Any]]:
        """Return a stack's events, oldest first."""
        pages = self.client("cloudformation").get_paginator("describe_stack_events")
        found = [e for p in pages.paginate(StackName=f"dev-{name}") for e in p["StackEvents"]]
        return found[::-1]

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "local", "--state", str(self.state.folder), *arguments]

    @staticmethod
    def _options(*, popen: bool = False) -> dict[str, Any]:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        options = {"cwd": ROOT, "text": True}
        return {**options, **(pipes if popen else {"capture_output": True})}


@contextmanager
def standing(folder: Path) -> Iterator[Machine]:
    """Lend dev as its table has it, standing in a folder; nothing of it is left afterwards."""
    machine = Machine(folder / "state")
    done = machine.up()
    try:
        assert done.returncode == 0, done.stdout + done.stderr
        yield machine
    finally:
        machine.run("down")


def variant(*changes: str) -> str:
    """Return the command of an app with some of dev's config changed."""
    return shlex.join([sys.executable, "-m", "tests.local.variant", *changes])


def eventually(check: Callable[[], Any], *, seconds: float = 60) -> Any:
    """Return what `check` answers once it is true; fail when it doesn't become so in time."""
    deadline = time.monotonic() + seconds
    while not (answer := check()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {check}"
        time.sleep(0.2)
    return answer
