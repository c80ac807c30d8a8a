"""What a new primary does about labels, run against an API server with a certificate as EKS's."""

import json
import re
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from k8s.database_relabel import SCRIPT
from local.kubernetes.certificates import Pair

# The image's Python 3.13 begins with that flag; this one's own may be older.
_AS_3_13 = """import runpy, ssl, sys, time
make = ssl.create_default_context
def strict(**given):
    made = make(**given)
    made.verify_flags |= ssl.VERIFY_X509_STRICT
    return made
ssl.create_default_context, time.sleep = strict, lambda seconds: None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0])
"""


class ApiServer(ThreadingHTTPServer):
    """Has pods that are labelled as primaries, and refuses changes as often as it is told to."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        authority = Pair.authority("eks")
        authority.write(folder, "ca")
        Pair(*_without_authority_key(authority)).write(folder, "server")
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(folder / "server.crt", folder / "server.key")
        self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.primaries = ["database-0", "database-1"]
        self.refusals: dict[str, int] = {}
        self.status = 500
        self._folder = folder
        (folder / "token").write_text("token")
        (folder / "namespace").write_text("database")

    def relabel(self, role: str = "primary") -> "subprocess.CompletedProcess[str]":
        """Run the script as Patroni does."""
        places = {
            "https://kubernetes.default.svc": f"https://localhost:{self.server_port}",
            "/var/run/secrets/kubernetes.io/serviceaccount": str(self._folder),
        }
        script = SCRIPT
        for place, here in places.items():
            assert place in script
            script = script.replace(place, here)
        (self._folder / "relabel.py").write_text(script)
        arguments = [
            str(self._folder / "relabel.py"),
            "role=primary",
            "on_role_change",
            role,
            "main",
        ]
        command = [sys.executable, "-c", _AS_3_13, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)


class _Handler(BaseHTTPRequestHandler):
    server: ApiServer

    def do_GET(self) -> None:
        assert self.headers["Authorization"] == "Bearer token"
        items = [{"metadata": {"name": name}} for name in self.server.primaries]
        self._answer("pods", {"items": items})

    def do_PATCH(self) -> None:
        name = self.path.rpartition("/")[2]
        change = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert change == {"metadata": {"labels": {"role": None}}}
        if self._answer(name, {}):
            self.server.primaries.remove(name)

    def _answer(self, about: str, body: object) -> bool:
        left = self.server.refusals.get(about, 0)
        self.server.refusals[about] = left - 1
        data = json.dumps(body).encode()
        self.send_response(self.server.status if left > 0 else 200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        return left <= 0

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _without_authority_key(
    authority: Pair,
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kube-apiserver")]))
        .issuer_name(authority.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    )
    return builder.sign(authority.key, hashes.SHA256()), key


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ApiServer]:
    made = ApiServer(tmp_path)
    thread = threading.Thread(target=made.serve_forever, args=(0.05,))
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def test_it_believes_an_api_server_whose_certificate_lacks_the_authoritys_key(
    server: ApiServer,
) -> None:
    done = server.relabel()
    assert (done.returncode, done.stderr, server.primaries) == (0, "", [])


def test_it_asks_again_when_it_is_refused(server: ApiServer) -> None:
    server.refusals = {"pods": 2, "database-0": 3}
    assert server.relabel().returncode == 0
    assert server.primaries == []


def test_a_pod_that_can_not_be_changed_keeps_none_of_the_others_labelled(
    server: ApiServer,
) -> None:
    server.refusals = {"database-0": 100}
    done = server.relabel()
    assert (done.returncode, server.primaries) == (1, ["database-0"])
    assert re.search(r"label role=primary .*: database-0: HTTP Error 500", done.stderr)


def test_an_api_server_that_answers_nothing_is_named(server: ApiServer) -> None:
    server.refusals = {"pods": 100}
    done = server.relabel()
    assert done.returncode == 1
    assert "pods can't be listed: HTTP Error 500" in done.stderr


def test_a_pod_that_is_gone_is_none(server: ApiServer) -> None:
    server.refusals, server.status = {"database-0": 1}, 404
    done = server.relabel()
    assert (done.returncode, done.stderr, server.primaries) == (0, "", ["database-0"])


def test_who_becomes_a_replica_changes_nothing(server: ApiServer) -> None:
    assert server.relabel("replica").returncode == 0
    assert server.primaries == ["database-0", "database-1"]
