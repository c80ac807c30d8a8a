"""What the application is given to reach the database, used against who only pretends to be it."""

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from k8s.database_client import DatabaseClient
from local.kubernetes.certificates import Pair

PASSWORD = "7bXq0PdLmV2sT9wKc4Zr"
_SSL_REQUEST = 8
_ASKS = {
    "for the password": (b"R", 3),
    "for nothing": (b"R", 0),
}
"""PostgreSQL's AuthenticationCleartextPassword and AuthenticationOk."""


class Impostor:
    """A server with a certificate of its own, which asks clients for what it lacks."""

    def __init__(self, folder: Path) -> None:
        Pair.authority("database").write(folder, "impostor")
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(folder / "impostor.crt", folder / "impostor.key")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.asks = _ASKS["for nothing"]
        self.heard = b""
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            try:
                self._answer(connection)
            except OSError:
                connection.close()

    def _answer(self, connection: socket.socket) -> None:
        connection.settimeout(5)
        connection.recv(_SSL_REQUEST)
        connection.sendall(b"S")
        with self._tls.wrap_socket(connection, server_side=True) as private:
            private.recv(1000)
            kind, code = self.asks
            private.sendall(kind + (8).to_bytes(4, "big") + code.to_bytes(4, "big"))
            if code == 0:
                private.sendall(b"Z" + (5).to_bytes(4, "big") + b"I")
            self.heard += private.recv(1000)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@pytest.fixture
def impostor(tmp_path: Path) -> Iterator[Impostor]:
    made = Impostor(tmp_path)
    yield made
    made.close()


def _connect(impostor: Impostor, url: str) -> None:
    place = {"host": "127.0.0.1", "port": impostor.port, "password": PASSWORD}
    psycopg.connect(url, **place, connect_timeout=5).close()  # type: ignore[arg-type]


@pytest.mark.parametrize("asks", _ASKS)
def test_the_application_hangs_up_on_who_does_not_know_its_password(
    impostor: Impostor, asks: str
) -> None:
    impostor.asks = _ASKS[asks]
    url = DatabaseClient(namespace="database", role_arn="arn:of:client").url
    with pytest.raises(psycopg.OperationalError, match="channel binding"):
        _connect(impostor, url)
    assert PASSWORD.encode() not in impostor.heard
    # What it is there against: with TLS alone the impostor would have been believed.
    trusting = url.replace("channel_binding=require", "channel_binding=disable")
    if asks == "for nothing":
        _connect(impostor, trusting)
    else:
        with pytest.raises(psycopg.OperationalError):
            _connect(impostor, trusting)
        assert PASSWORD.encode() in impostor.heard
