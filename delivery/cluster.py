"""A cluster's API, by kubectl's proxy: it logs in by whatever a kubeconfig says, or as a pod."""

import contextlib
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

Object = dict[str, Any]

_START_SECONDS = 30.0
_POLL_SECONDS = 0.5


class ClusterError(Exception):
    """The cluster can't be reached, or refuses; the message has its words."""


class ConflictError(ClusterError):
    """There is such an object already, or it is another by now."""


class Cluster:
    """Objects by their paths, such as "api/v1/namespaces/web"."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def find(self, path: str) -> Object | None:
        """Return an object or a list, None where there is none. Raises ClusterError."""
        found: Object | None = self._ask("GET", path, missing=True)
        return found

    def get(self, path: str, *, accept: str = "application/json") -> Object:
        """Raises ClusterError, also where there is none."""
        found: Object = self._ask("GET", path, headers={"Accept": accept})
        return found

    def items(self, path: str) -> list[Object]:
        """Return a list's objects; of a kind that the cluster doesn't know there are none."""
        return list((self.find(path) or {}).get("items", []))

    def create(self, path: str, item: Object) -> Object:
        """Make an object in a collection. Raises ClusterError; ConflictError where it is there."""
        made: Object = self._ask("POST", path, json=item)
        return made

    def delete(self, path: str, *, uid: str | None = None) -> None:
        """Delete an object; fine where there is none. Raises ClusterError.

        With `uid` it raises ConflictError where the object is another.
        """
        options = {"json": {"preconditions": {"uid": uid}}} if uid else {}
        self._ask("DELETE", path, missing=True, **options)

    def _ask(self, method: str, path: str, *, missing: bool = False, **options: Any) -> Any:
        try:
            answer = self._client.request(method, f"http://localhost/{path}", **options)
        except httpx.HTTPError as error:
            raise ClusterError(f"The cluster didn't answer {method} {path}: {error}.") from error
        if missing and answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if answer.is_error:
            conflict = answer.status_code == httpx.codes.CONFLICT
            kind = ConflictError if conflict else ClusterError
            with contextlib.suppress(ValueError, KeyError, TypeError):
                raise kind(f"{method} {path}: {answer.json()['message']}")
            raise kind(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
        return answer.json()


@contextmanager
def connect(kubeconfig: Path | None = None) -> Iterator[Cluster]:
    """Lend a cluster: that of a kubeconfig, of $KUBECONFIG, or the one that this is a pod of.

    Raises ClusterError.
    """
    with tempfile.TemporaryDirectory(prefix="cluster-") as folder:
        socket = Path(folder, "socket")
        words = ["kubectl", *([f"--kubeconfig={kubeconfig}"] if kubeconfig else [])]
        try:
            proxy = subprocess.Popen(
                [*words, "proxy", f"--unix-socket={socket}"],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        except FileNotFoundError:
            raise ClusterError("kubectl is not on PATH; the cluster is reached by it.") from None
        try:
            _wait(proxy, socket)
            transport = httpx.HTTPTransport(uds=str(socket))
            with httpx.Client(transport=transport, timeout=60) as client:
                yield Cluster(client)
        finally:
            proxy.terminate()
            proxy.communicate()


def _wait(proxy: "subprocess.Popen[str]", socket: Path) -> None:
    """Return when it listens. Raises ClusterError with what it said when it ended instead."""
    assert proxy.stdout is not None
    timer = threading.Timer(_START_SECONDS, proxy.kill)
    timer.start()
    said = []
    for line in proxy.stdout:
        if re.match("Starting to serve", line):
            break
        said.append(line.strip())
    timer.cancel()
    if not socket.exists():
        raise ClusterError(f"kubectl proxy doesn't start: {' '.join(said) or 'it says nothing'}")


def wait_for(what: str, ask: Any, *, seconds: float) -> Any:
    """Return what `ask` answers once it is true. Raises ClusterError after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        if time.monotonic() > deadline:
            raise ClusterError(f"Waited {seconds:g} s in vain: {what}.")
        time.sleep(_POLL_SECONDS)
    return answer
