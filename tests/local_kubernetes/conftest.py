"""A real control plane for these tests, with nodes and the networking add-ons."""

from __future__ import annotations

import itertools
import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from local.kubernetes import addons, nodes
from local.kubernetes.control_plane import ControlPlane
from local.paths import cache
from local.tools import build
from tests.local_kubernetes.support import ACCOUNT, REGION, Namespace, eventually, group

_numbers = itertools.count()


@pytest.fixture(scope="session")
def tools() -> Path:
    """The folder of binaries: $MINDFORCE_TOOLS, else built into the user's cache."""
    given = os.environ.get("MINDFORCE_TOOLS")
    if given:
        return Path(given)
    return build.ensure(cache(), print)


@pytest.fixture(scope="session")
def token_webhook() -> Iterator[str]:
    """A TokenReview webhook that knows "viewer-token", of user viewer in group people."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            known = review["spec"]["token"] == "viewer-token"
            user = {"username": "viewer", "groups": ["people"]}
            review["status"] = {"authenticated": known, **({"user": user} if known else {})}
            body = json.dumps(review).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Keep the tests' output to themselves."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def control_plane(
    tools: Path, token_webhook: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ControlPlane]:
    """A control plane with three nodes over three zones, metrics and volumes."""
    plane = ControlPlane(tmp_path_factory.mktemp("cluster"), tools)
    try:
        plane.start(token_webhook_url=token_webhook)
        for name in ("vpc-cni", "kube-proxy"):
            addons.apply(plane, name, region=REGION, account=ACCOUNT)
        nodes.apply(plane, group())
        for name in ("coredns", "aws-ebs-csi-driver", "metrics-server"):
            addons.apply(plane, name, region=REGION, account=ACCOUNT)
        yield plane
    finally:
        plane.stop()


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[Namespace]:
    """An empty namespace of the test's own."""
    name = f"test-{next(_numbers)}"
    client = control_plane.client
    client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    path = f"api/v1/namespaces/{name}/serviceaccounts/default"
    eventually("the service account exists", lambda: client.find(path))
    yield Namespace(control_plane, name)
    client.delete(f"api/v1/namespaces/{name}")
