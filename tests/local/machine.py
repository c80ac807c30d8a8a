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
from config.model import Environment
from config.people import PLATFORM_ADMIN
from local import access
from local.emulator import Emulator
from local.paths import ROOT, State, cache
from local.target import Target
from local.tools import build


class Machine:
    """A state folder, the commands on it, and what clients of one environment see there."""

    def __init__(self, folder: Path, environment: Environment = DEV) -> None:
        self.state = State(folder)
        self._environment = environment

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
        return Target(environment=self._environment, endpoint=self.emulator.endpoint)

    def client(self, service: Any) -> Any:
        """Return a boto3 client of the environment's account."""
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
            token = self.token(self.admin_role)
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

    @property
    def admin_role(self) -> str:
        return access.role_arn(self.target, PLATFORM_ADMIN.name)

    def token(self, role: str, cluster: str | None = None) -> str:
        """Return a token as an IAM role gets it for a cluster, the environment's by default."""
        cluster = cluster or self._environment.name
        token: str = access.token(self.state, self.target, cluster, role)["status"]["token"]
        return token

    def stack(self, name: str) -> Mapping[str, Any]:
        stack = self._stack(name)
        (found,) = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        described: Mapping[str, Any] = found
        return described

    def resources(self, stack: str, kind: str) -> list[str]:
        """Return the physical ids of a stack's resources of a type."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources")
        return [
            summary["PhysicalResourceId"]
            for page in pages.paginate(StackName=self._stack(stack))
            for summary in page["StackResourceSummaries"]
            if summary["ResourceType"] == kind
        ]

    def templates(self) -> Mapping[str, Any]:
        """Return the template of each of the environment's stacks, as CloudFormation has it."""
        cloudformation = self.client("cloudformation")
        stacks = cloudformation.describe_stacks()["Stacks"]
        own = self._stack("")
        names = [s["StackName"] for s in stacks if s["StackName"].startswith(own)]
        return {n: cloudformation.get_template(StackName=n)["TemplateBody"] for n in names}

    def events(self, name: str) -> list[Mapping[str, Any]]:
        """Return a stack's events, oldest first."""
        pages = self.client("cloudformation").get_paginator("describe_stack_events")
        found = [e for p in pages.paginate(StackName=self._stack(name)) for e in p["StackEvents"]]
        return found[::-1]

    def _stack(self, name: str) -> str:
        return f"{self._environment.name}-{name}"

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
    try:
        done = machine.up()
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
