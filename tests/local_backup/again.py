"""A second cluster beside dev's, made of dev's own templates: what a lost cluster is followed by.

Its Velero reads dev's bucket with dev's role, and its manifests are applied by dev's own functions.
"""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from delivery.cluster import Cluster, connect
from local import processes
from local.paths import cache
from local.tools import build
from tests.local.machine import Machine, eventually
from tests.local_backup.moved import Moved, Resources

NAME = "again"
_SECONDS = 240.0


class Again:
    """The stacks of the second cluster, `again-Platform` and `again-Workloads`."""

    def __init__(self, dev: Machine) -> None:
        self._dev = dev
        self._made: list[str] = []
        self._moved = Moved(dev, NAME)
        account, self._region = dev.target.environment.account, dev.target.environment.region
        self._assets = f"cdk-hnb659fds-assets-{account}-{self._region}"
        self._folder = dev.state.clusters / f"{account}-{self._region}-{NAME}"

    @property
    def kubeconfig(self) -> Path:
        """Its administrator's."""
        return self._folder / "admin.kubeconfig"

    @contextmanager
    def platform(self) -> Iterator[Cluster]:
        """Deploy all up to Platform, and lend the new cluster."""
        self._create("Platform", {**self._moved.cluster(), **self._moved.velero()})
        with connect(self.kubeconfig) as cluster:
            yield cluster

    def patch(self, location: str, spec: object) -> None:
        """Change a storage location."""
        kubectl = str(build.ensure(cache(), lambda _: None) / "kubectl")
        what = ("patch", "backupstoragelocations.velero.io", location, "--namespace=velero")
        subprocess.run(
            [
                kubectl,
                f"--kubeconfig={self.kubeconfig}",
                *what,
                "--type=merge",
                f"--patch={json.dumps({'spec': spec})}",
            ],
            check=True,
            capture_output=True,
        )

    def look(self, location: str) -> None:
        """Have Velero look into a storage location's bucket now.

        It does when it starts, unless it has looked within the location's period: a minute.
        """
        self.patch(location, {"backupSyncPeriod": "1s"})
        pid = processes.running(self._folder / "run" / "velero-velero.controller.pid")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    def workloads(self) -> None:
        """Deploy all of Workloads' manifests. Fails with what CloudFormation says of one."""
        self._create("Workloads", self._moved.workloads())

    def delete(self) -> None:
        """Delete the stacks, the last first. Fails where one stays."""
        while self._made:
            self._delete(self._made.pop())

    def _delete(self, stack: str) -> None:
        self._dev.client("cloudformation").delete_stack(StackName=stack)
        eventually(
            lambda: self._status(stack).endswith(("DELETE_COMPLETE", "FAILED")), seconds=_SECONDS
        )
        assert self._status(stack) == "DELETE_COMPLETE", self._reasons(stack)

    def _create(self, name: str, resources: Resources) -> None:
        stack = f"{NAME}-{name}"
        # Longer than a call may be.
        self._dev.client("s3").put_object(
            Bucket=self._assets, Key=stack, Body=json.dumps({"Resources": resources}).encode()
        )
        self._dev.client("cloudformation").create_stack(
            StackName=stack,
            TemplateURL=f"https://s3.{self._region}.amazonaws.com/{self._assets}/{stack}",
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        self._made.append(stack)
        eventually(lambda: self._status(stack).endswith(("_COMPLETE", "FAILED")), seconds=_SECONDS)
        assert self._status(stack) == "CREATE_COMPLETE", self._reasons(stack)

    def _status(self, stack: str) -> str:
        pages = self._dev.client("cloudformation").get_paginator("list_stacks").paginate()
        found = [s for page in pages for s in page["StackSummaries"] if s["StackName"] == stack]
        return str(found[0]["StackStatus"]) if found else ""

    def _reasons(self, stack: str) -> list[str]:
        events = self._dev.client("cloudformation").describe_stack_events(StackName=stack)
        return [
            e["ResourceStatusReason"] for e in events["StackEvents"] if "ResourceStatusReason" in e
        ]
