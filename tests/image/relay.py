"""Somebody in the middle: who passes on what client and server say, each by TLS of its own."""

import socket
import ssl
import threading
from contextlib import suppress
from pathlib import Path

from local.kubernetes.certificates import Pair

_SSL_REQUEST = b"\0\0\0\x08\x04\xd2\x16\x2f"


class Relay:
    """A server at a port of 127.0.0.1 that a client might take for the one at `target`."""

    def __init__(self, folder: Path, target: tuple[str, int]) -> None:
        Pair.authority("database").write(folder, "relay")
        self._target = target
        self._as_server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._as_server.load_cert_chain(folder / "relay.crt", folder / "relay.key")
        self._as_client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._as_client.check_hostname = False
        self._as_client.verify_mode = ssl.CERT_NONE
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                with suppress(OSError), client:
                    self._stand_between(client)

    def _stand_between(self, client: socket.socket) -> None:
        client.recv(len(_SSL_REQUEST))
        client.sendall(b"S")
        with (
            self._as_server.wrap_socket(client, server_side=True) as near,
            socket.create_connection(self._target, timeout=10) as server,
        ):
            server.sendall(_SSL_REQUEST)
            assert server.recv(1) == b"S"
            with self._as_client.wrap_socket(server) as far:
                back = threading.Thread(target=_pass_on, args=(far, near))
                back.start()
                _pass_on(near, far)
                back.join()


def _pass_on(one: ssl.SSLSocket, other: ssl.SSLSocket) -> None:
    with suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    for end in (one, other):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
