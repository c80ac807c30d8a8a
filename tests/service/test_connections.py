"""More clients than there is room for, and ten thousand at once, on loopback."""

import resource
import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.client import HTTPResponse
from pathlib import Path

import httpx
import psutil
import pytest

from delivery.process import Service, wait_for

CLIENTS = 10_000
LOT = 1_000
"""Fewer than the server's backlog: a SYN that is dropped is sent again after seconds only."""
LIMIT = 2_000
SECONDS = 120.0
"""How long all of it may take on a machine that is busy."""


@pytest.fixture
def many_files() -> Iterator[None]:
    """Let this process open that many sockets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = CLIENTS + 500
    if hard != resource.RLIM_INFINITY and hard < needed:
        pytest.skip(f"This user may open {hard} files; raise 'ulimit -Hn' to {needed} for it.")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_ten_thousand_at_once_are_served_or_refused_and_nothing_is_lost(
    many_files: None, start: Callable[..., Service], database_url: str
) -> None:
    service = start(database_url, MAX_CONNECTIONS=LIMIT, HEADER_SECONDS=60)
    note = service.client.post("/v1/notes", json={"title": "kept"}).json()
    path = f"/v1/notes/{note['id']}"
    files = open_files(service)
    crowd = Crowd(service.port)
    try:
        for _ in range(CLIENTS // LOT):
            crowd.grow()
            # Whoever had been connected is served all the while.
            assert service.client.get(path).json() == note
        said = crowd.ask(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    finally:
        crowd.close()

    served = [one for one in said if one]
    assert all(one.startswith(b"HTTP/1.1 200 ") for one in served)
    assert all(
        httpx.Response(200, content=one.partition(b"\r\n\r\n")[2]).json() == note for one in served
    )
    # One is the client that had been connected. There is more room once some have gone.
    assert len(served) >= LIMIT - 1
    assert len(said) == CLIENTS
    assert {line["status"] for line in service.lines() if "status" in line} == {200, 201}

    wait_for(lambda: open_files(service) <= files)
    assert httpx.get(f"{service.client.base_url}{path}").json() == note
    assert psutil.Process(service.process.pid).memory_info().rss < 200 * 2**20


@pytest.mark.parametrize("waiting", [b"", b"GET /heal"], ids=["kept", "within a head"])
def test_who_waits_longest_for_nothing_gives_way_to_a_new_connection(
    start: Callable[..., Service], database_url: str, waiting: bytes
) -> None:
    """Or clients that only hold their connections would have the probes fail, and the pod end."""
    service = start(database_url, MAX_CONNECTIONS=4, HEADER_SECONDS=60, BODY_SECONDS=60)
    service.client.close()
    with ExitStack() as stack:
        first, busy, second = (stack.enter_context(connect(service)) for _ in range(3))
        begin_a_note(busy)
        for one in (first, second):
            assert healthy(one)
            one.sendall(waiting)
        third = stack.enter_context(connect(service))
        # Twice: with the first, what was sent before has been seen.
        assert healthy(third)
        assert healthy(third)

        for gone in (first, second):
            assert healthy(stack.enter_context(connect(service)))
            wait_for(lambda gone=gone: _closed(gone))  # type: ignore[misc]

        assert healthy(third)
        assert end_the_note(busy).startswith(b"HTTP/1.1 201")


def test_whoever_has_not_asked_yet_gives_way_too(
    start: Callable[..., Service], database_url: str
) -> None:
    service = start(database_url, MAX_CONNECTIONS=3, HEADER_SECONDS=60)
    service.client.close()
    with ExitStack() as stack:
        held = [stack.enter_context(connect(service)) for _ in range(3)]
        assert healthy(stack.enter_context(connect(service)))
        wait_for(lambda: _closed(held[0]))
        assert healthy(held[2])


def test_connections_over_the_limit_are_closed_when_all_are_busy(
    start: Callable[..., Service], database_url: str
) -> None:
    service = start(database_url, MAX_CONNECTIONS=3, BODY_SECONDS=60)
    service.client.close()
    with ExitStack() as stack:
        held = [stack.enter_context(connect(service)) for _ in range(3)]
        for one in held:
            begin_a_note(one)
        # The head of a next request doesn't make it less busy with this one.
        held[0].sendall(NOTE + b"GET /healthz HTTP/1.1\r\n")
        with connect(service) as one:
            wait_for(lambda: _closed(one))
        for one in held[1:]:
            assert end_the_note(one).startswith(b"HTTP/1.1 201")


NOTE = b'{"title": "kept"}'


def connect(service: Service) -> socket.socket:
    return socket.create_connection(("127.0.0.1", service.port), timeout=10)


def healthy(one: socket.socket) -> bool:
    one.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
    with HTTPResponse(one) as answer:
        answer.begin()
        answer.read()
        return answer.status == 200


def begin_a_note(one: socket.socket) -> None:
    """Ask for as much as makes the service wait for the body; return once it does."""
    one.sendall(
        b"POST /v1/notes HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(NOTE)
    )
    assert one.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"


def end_the_note(one: socket.socket) -> bytes:
    one.sendall(NOTE)
    return one.recv(1000)


def _closed(one: socket.socket) -> bool:
    try:
        return one.recv(1) == b""
    except ConnectionResetError:
        return True


def open_files(service: Service) -> int:
    return len(list(Path(f"/proc/{service.process.pid}/fd").iterdir()))


class Crowd:
    """Clients that connect and stay, then ask all together."""

    def __init__(self, port: int) -> None:
        self._deadline = time.monotonic() + SECONDS
        self._poll = select.poll()
        self._clients: dict[int, socket.socket] = {}
        self._said: dict[int, bytes] = {}
        self._port = port

    def grow(self) -> None:
        """Add a lot of clients, and wait until each of them is connected or refused."""
        added = set()
        for _ in range(LOT):
            one = socket.socket()
            one.setblocking(False)
            self._clients[one.fileno()] = one
            added.add(one.fileno())
            one.connect_ex(("127.0.0.1", self._port))
        self._each(added, select.POLLOUT, lambda one: True)

    def ask(self, request: bytes) -> list[bytes]:
        """Return what each was told until its connection ended; nothing if it was refused."""
        for one in self._clients.values():
            try:
                one.send(request)
            except OSError:
                continue
        self._each(set(self._clients), select.POLLIN, self._listen)
        return list(self._said.values())

    def close(self) -> None:
        for one in self._clients.values():
            one.close()

    def _listen(self, one: socket.socket) -> bool:
        try:
            data = one.recv(65536)
        except ConnectionError:
            data = b""
        self._said[one.fileno()] = self._said.get(one.fileno(), b"") + data
        return not data

    def _each(self, waiting: set[int], event: int, done: Callable[[socket.socket], bool]) -> None:
        for number in waiting:
            self._poll.register(number, event)
        while waiting:
            assert time.monotonic() < self._deadline, f"{len(waiting)} are still waiting"
            for number, _ in self._poll.poll(1000):
                if done(self._clients[number]):
                    self._poll.unregister(number)
                    waiting.discard(number)
