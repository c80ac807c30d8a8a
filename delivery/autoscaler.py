"""Whether a HorizontalPodAutoscaler moves, by what Kubernetes says of it."""

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

_SECONDS = 2.0
_KUBECTL_SECONDS = 20


class AutoscalerError(Exception):
    """It can't be read, or can't be seen to move; the message says why."""


class Reading(NamedTuple):
    """How many pods there are, and may be at most."""

    replicas: int
    most: int


class Autoscaler:
    """A HorizontalPodAutoscaler by its namespace and name, read by kubectl."""

    def __init__(self, kubeconfig: Path, namespace: str, name: str) -> None:
        self._kubeconfig = kubeconfig
        self._path = f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers/{name}"
        self.name = f"{namespace}/{name}"

    def read(self) -> Reading:
        """Raises AutoscalerError."""
        words = ["kubectl", f"--kubeconfig={self._kubeconfig}", "get", f"--raw={self._path}"]
        try:
            done = subprocess.run(
                words, capture_output=True, text=True, timeout=_KUBECTL_SECONDS, check=True
            )
            found = json.loads(done.stdout)
            replicas = int(found.get("status", {}).get("currentReplicas", 0))
            return Reading(replicas, int(found["spec"]["maxReplicas"]))
        except FileNotFoundError:
            raise AutoscalerError("kubectl is not on PATH; the autoscaler is read by it.") from None
        except subprocess.CalledProcessError as error:
            said = (error.stderr.strip().splitlines() or ["nothing"])[-1]
            raise AutoscalerError(f"The autoscaler {self.name} can't be read: {said}") from None
        except (subprocess.TimeoutExpired, ValueError, KeyError, TypeError) as error:
            raise AutoscalerError(
                f"The autoscaler {self.name} can't be read: kubectl said nothing that makes sense "
                f"({type(error).__name__})."
            ) from None

    @contextmanager
    def watched(self) -> Iterator["Watch"]:
        """Watch it meanwhile. Raises AutoscalerError if it can't be read or can't move."""
        watch = Watch(self)
        thread = threading.Thread(target=watch.run)
        thread.start()
        try:
            yield watch
        finally:
            watch.end.set()
            thread.join()


class Watch:
    """What was read, in seconds since the first reading; a reading that failed is left out."""

    def __init__(self, autoscaler: Autoscaler) -> None:
        self._autoscaler = autoscaler
        first = autoscaler.read()
        if first.replicas >= first.most:
            raise AutoscalerError(
                f"The autoscaler {autoscaler.name} is at its most, {first.most} pods, before the "
                "load, so it can't be seen to move."
            )
        self._started = time.monotonic()
        self.readings = [(0.0, first.replicas)]
        self.end = threading.Event()

    def run(self) -> None:
        while not self.end.wait(_SECONDS):
            try:
                replicas = self._autoscaler.read().replicas
            except AutoscalerError:
                continue
            self.readings.append((round(time.monotonic() - self._started, 1), replicas))

    def problem(self) -> str:
        """Return in a sentence that there were never more pods than before, or nothing."""
        first = self.readings[0][1]
        if max(replicas for _, replicas in self.readings) > first:
            return ""
        return (
            f"The autoscaler {self._autoscaler.name} did not move: there were {first} pods before, "
            f"and never more in {len(self.readings) - 1} readings."
        )
