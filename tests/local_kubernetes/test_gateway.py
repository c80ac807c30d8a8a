"""The way from an API server to the processes that stand for pods, with an echo for a process."""

from __future__ import annotations

import http.client
import json
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from local.kubernetes import gateway
from local.kubernetes.gateway import CREDENTIALS_PATH, SOCKET, Gateway


@pytest.fixture
def echo() -> Iterator[int]:
    """A loopback port that sends back what it gets."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            peer, _ = server.accept()
            with peer:
                peer.sendall(peer.recv(100))

        threading.Thread(target=answer, daemon=True).start()
        yield server.getsockname()[1]


def _credentials(token: str) -> Mapping[str, Any]:
    if token != "known":
        raise PermissionError("no Pod Identity association for default/web")
    return {"AccessKeyId": "ASIA"}


@pytest.fixture
def open_gateway(
    tmp_path: Path, echo: int, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Gateway, Path]]:
    monkeypatch.setattr(gateway, "CONNECT_SECONDS", 0.2)
    # Longer than a Unix socket's address may be, as folders of tests and of users are.
    folder = tmp_path / ("x" * 100)
    services = {("172.20.0.9", 443): echo}
    opened = Gateway(folder, lambda host, port: services.get((host, port)), _credentials)
    yield opened, folder
    opened.close()


def _connect(folder: Path, target: str) -> tuple[socket.socket, bytes]:
    """Ask for a way to a Service, as the API server does from its own folder."""
    here = os.getcwd()
    client = socket.socket(socket.AF_UNIX)
    try:
        os.chdir(folder)
        client.connect(SOCKET)
    finally:
        os.chdir(here)
    client.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return client, client.recv(1000)


def test_a_services_address_leads_to_its_process(open_gateway: tuple[Gateway, Path]) -> None:
    client, answer = _connect(open_gateway[1], "172.20.0.9:443")
    with client:
        assert b" 200 " in answer
        client.sendall(b"hello")
        assert client.recv(100) == b"hello"


def test_a_service_without_a_process_is_refused(open_gateway: tuple[Gateway, Path]) -> None:
    client, answer = _connect(open_gateway[1], "172.20.0.10:443")
    with client:
        while chunk := client.recv(1000):
            answer += chunk
    assert b" 502 " in answer
    assert b"no process of this machine answers for this Service" in answer


@pytest.mark.parametrize(("token", "status"), [("known", 200), ("strange", 403)])
def test_credentials_are_for_known_tokens_only(
    open_gateway: tuple[Gateway, Path], token: str, status: int
) -> None:
    address = open_gateway[0].credentials_url.removeprefix("http://")
    connection = http.client.HTTPConnection(address.removesuffix(CREDENTIALS_PATH))
    connection.request("GET", CREDENTIALS_PATH, headers={"Authorization": token})
    answer = connection.getresponse()
    content = json.load(answer)
    connection.close()
    assert answer.status == status
    assert content.get("AccessKeyId") == ("ASIA" if status == 200 else None)
