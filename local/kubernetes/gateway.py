"""The way from a cluster's API server to its pods, of which only local processes can answer.

The API server dials Services through this HTTP CONNECT proxy (its egress selector), so webhook
configurations, Services and certificates are those of the charts, unchanged. The same server hands
local processes the AWS credentials of their service accounts, as the Pod Identity agent does.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import socketserver
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from local.kubernetes.errors import ControlPlaneError

SOCKET = "gateway.sock"
CREDENTIALS_PATH = "/v1/credentials"
LOOPBACK = "127.0.0.1"
CONNECT_SECONDS = 8.0
"""How long a process that is only starting is waited for; the API server's patience is 10 s."""
POLL_SECONDS = 0.1

Resolve = Callable[[str, int], int | None]
"""From a Service's address and port to the loopback port of the process behind it."""
Credentials = Callable[[str], Mapping[str, Any]]
"""From a service account's token to credentials in the words of the container provider.

Raises PermissionError with the reason when there are none for it.
"""


class Gateway:
    """Serves the API server on a Unix socket of its folder, and processes on a loopback port."""

    def __init__(self, folder: Path, resolve: Resolve, credentials: Credentials) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

        class Proxy(_Proxy):
            def resolve(self, host: str, port: int) -> int | None:
                return resolve(host, port)

        class Agent(_Agent):
            def credentials(self, token: str) -> Mapping[str, Any]:
                return credentials(token)

        agent = http.server.ThreadingHTTPServer((LOOPBACK, 0), Agent)
        self._port: int = agent.server_address[1]
        self._servers = [agent, _listen(folder, Proxy)]
        for server in self._servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()

    @property
    def credentials_url(self) -> str:
        return f"http://{LOOPBACK}:{self._port}{CREDENTIALS_PATH}"

    def close(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()


class _SocketServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def _listen(folder: Path, handler: type[http.server.BaseHTTPRequestHandler]) -> _SocketServer:
    """Listen in the folder, whose own path may be too long for a socket's address."""
    (folder / SOCKET).unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as short:
        link = Path(short) / "d"
        link.symlink_to(folder)
        return _SocketServer(str(link / SOCKET), handler)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: whoever is refused is told."""


class _Proxy(_Handler):
    def resolve(self, host: str, port: int) -> int | None:
        raise NotImplementedError

    def do_CONNECT(self) -> None:
        target = urllib.parse.urlsplit(f"//{self.path}")
        self.close_connection = True
        try:
            peer = self._dial(target.hostname or "", target.port or 443)
        except (ControlPlaneError, OSError, ValueError) as error:
            self.send_error(502, explain=f"{self.path}: {error}")
            return
        with peer:
            self.send_response(200)
            self.end_headers()
            self.wfile.flush()
            _relay(self.connection, peer)

    def _dial(self, host: str, port: int) -> socket.socket:
        if host in ("localhost", LOOPBACK):
            # The metrics API, which an ExternalName Service puts there.
            return socket.create_connection((LOOPBACK, port), timeout=CONNECT_SECONDS)
        deadline = time.monotonic() + CONNECT_SECONDS
        while True:
            local = self.resolve(host, port)
            with contextlib.suppress(ConnectionRefusedError):
                if local is not None:
                    return socket.create_connection((LOOPBACK, local), timeout=CONNECT_SECONDS)
            if time.monotonic() > deadline:
                raise ConnectionRefusedError("no process of this machine answers for this Service")
            time.sleep(POLL_SECONDS)


class _Agent(_Handler):
    def credentials(self, token: str) -> Mapping[str, Any]:
        raise NotImplementedError

    def do_GET(self) -> None:
        if self.path != CREDENTIALS_PATH:
            self.send_error(404)
            return
        try:
            found = self.credentials(self.headers.get("Authorization", ""))
        except PermissionError as error:
            self._answer(403, {"code": "AccessDeniedException", "message": str(error)})
        except ControlPlaneError as error:
            self._answer(500, {"code": "InternalServerException", "message": str(error)})
        else:
            self._answer(200, found)

    def _answer(self, status: int, content: Mapping[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _relay(one: socket.socket, other: socket.socket) -> None:
    """Pass bytes both ways until both have said all."""
    for end in (one, other):
        end.settimeout(None)
    back = threading.Thread(target=_pass_on, args=(other, one), daemon=True)
    back.start()
    _pass_on(one, other)
    back.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(65536):
            target.sendall(chunk)
    for end, how in ((target, socket.SHUT_WR), (source, socket.SHUT_RD)):
        with contextlib.suppress(OSError):
            end.shutdown(how)
