"""The processes of Lambda functions, each with a pid file by which it is found and ended."""

import contextlib
import os
import re
import signal
import subprocess
from typing import Any

from local import processes
from local.aws.settings import Settings

_PATIENCE_SECONDS = 1.0


class Workers:
    """Starts processes that `stop_all` ends, in this server's life or in the next one's."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.functions

    def start(self, command: list[str], **options: Any) -> subprocess.Popen[str]:
        """Start a function's process; `options` are those of Popen, with its environment."""
        self._forget_ended()
        # A session of its own: a signal to the server's group must not reach it half-way.
        worker = _Worker(command, **options, start_new_session=True)
        name = re.sub(r"[^\w-]", "_", options["env"].get("AWS_LAMBDA_FUNCTION_NAME", "function"))
        processes.record(self._folder / f"{name}-{worker.pid}.pid", worker.pid)
        return worker

    def stop_all(self) -> None:
        """End every process that has a pid file, and its commands; fine when none runs."""
        files = list(self._folder.glob("*.pid"))
        for pid in filter(None, map(processes.running, files)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGTERM)
        processes.stop(files, patience=_PATIENCE_SECONDS)

    def _forget_ended(self) -> None:
        for file in self._folder.glob("*.pid"):
            if processes.running(file) is None:
                file.unlink(missing_ok=True)


class _Worker(subprocess.Popen[str]):
    def send_signal(self, sig: int) -> None:
        """Reach the commands that the function runs, too, as the end of its sandbox does."""
        if self.poll() is None:
            os.killpg(self.pid, sig)
