"""Clients that take their answers slowly or never: what they may hold, and for how long."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager

import psutil
import pytest
import uvicorn
import uvloop
from starlette.types import Message, Receive, Scope, Send
from uvicorn.server import ServerState

from delivery.process import Service, wait_for
from service.protocol import GuardedProtocol, end_late, guarded_protocol
from service.replies import Reply
from service.settings import Settings
from service.unsent import Unsent

MIB = 2**20


class Transport(asyncio.Transport):
    """One that only remembers whether it was cut."""

    aborted = False

    def abort(self) -> None:
        self.aborted = True


def test_of_more_than_may_be_unsent_the_longest_is_cut_and_not_the_newest() -> None:
    unsent = Unsent(10)
    slow, gone, new, newest = (Transport() for _ in range(4))
    unsent.add(slow, 4)
    unsent.add(gone, 4)
    assert unsent.discard(gone)
    assert not unsent.discard(gone)
    unsent.add(new, 6)
    assert not slow.aborted
    unsent.add(newest, 3)
    assert [one.aborted for one in (slow, new, newest)] == [True, False, False]
    assert not unsent.discard(slow)


def test_what_goes_of_a_long_answer_at_once_is_not_kept_with_its_rest() -> None:
    sent: list[bytes] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            sent.append(message["body"])
            assert message.get("more_body", False) is (len(b"".join(sent)) < 200_000)

    body = bytes(range(250)) * 800
    asyncio.run(Reply(200, body).send(send, b"id"))
    assert b"".join(sent) == body
    assert max(map(len, sent)) <= 64 * 1024


class Server:
    """The protocol before an application that answers each request with as many bytes."""

    def __init__(self, size: int, **limits: float) -> None:
        self.state = ServerState()
        self.asked = 0
        self._body = b"x" * size
        settings = Settings(database_url="host=unused", **limits)  # type: ignore[arg-type]
        self._protocol = guarded_protocol(settings)
        self._config = uvicorn.Config(
            self._answer, http=self._protocol, interface="asgi3", log_config=None
        )
        self._socket = socket.create_server(("127.0.0.1", 0))
        # So little that an answer stays with the transport; what it accepts has the same.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)

    def run(self, scenario: Callable[["Server"], Awaitable[None]]) -> None:
        async def run() -> None:
            loop = asyncio.get_running_loop()
            server = await loop.create_server(self._connection, sock=self._socket)
            try:
                async with asyncio.timeout(30):
                    await scenario(self)
            finally:
                server.close()

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run())

    async def client(self, request: bytes) -> socket.socket:
        """Return a client that has sent `request` and takes little before it is read from."""
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(client, self._socket.getsockname())
        await loop.sock_sendall(client, request)
        return client

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for it as the server's loop does, which ends whoever is late at each turn."""
        while not condition():
            end_late(self.state.connections, asyncio.get_running_loop().time())
            await asyncio.sleep(0.01)

    def _connection(self) -> GuardedProtocol:
        return self._protocol(config=self._config, server_state=self.state, app_state={})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1
        length = [(b"content-length", str(len(self._body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": length})
        await send({"type": "http.response.body", "body": self._body})


KEPT = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
CLOSING = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("request_", [KEPT, CLOSING], ids=["kept", "closing"])
@pytest.mark.parametrize("size", [40_000, 400_000])
def test_who_does_not_take_an_answer_is_ended_however_short_it_is(
    request_: bytes, size: int
) -> None:
    async def scenario(server: Server) -> None:
        with await server.client(request_):
            await server.until(lambda: server.asked == 1)
            assert len(server.state.connections) == 1
            await server.until(lambda: not server.state.connections)

    Server(size, write_seconds=0.3).run(scenario)


def test_who_takes_an_answer_slowly_is_served_on() -> None:
    async def scenario(server: Server) -> None:
        with await server.client(KEPT * 2 + CLOSING) as client:
            await server.until(lambda: server.asked == 1)
            assert (await taken(client)).count(b"HTTP/1.1 200 OK") == 3
            await server.until(lambda: not server.state.connections)

    Server(400_000).run(scenario)


def test_nothing_more_is_answered_to_who_does_not_take_what_was() -> None:
    async def scenario(server: Server) -> None:
        with await server.client(KEPT * 50) as slow, await server.client(CLOSING) as other:
            assert b"HTTP/1.1 200 OK" in await taken(other)
            with await server.client(CLOSING) as another:
                assert b"HTTP/1.1 200 OK" in await taken(another)
            assert server.asked == 3
            await asyncio.get_running_loop().sock_sendall(slow, CLOSING)
            assert (await taken(slow)).count(b"HTTP/1.1 200 OK") == 51

    Server(100_000).run(scenario)


def test_the_answers_that_nobody_takes_hold_no_more_than_the_limit() -> None:
    async def scenario(server: Server) -> None:
        def unsent() -> int:
            return sum(one.transport.get_write_buffer_size() for one in server.state.connections)

        with ExitStack() as stack:
            clients = []
            for number in range(1, 21):
                clients.append(stack.enter_context(await server.client(KEPT)))
                await server.until(lambda number=number: server.asked == number)  # type: ignore[misc]
                await server.until(lambda: unsent() <= 1_000_000)
            assert unsent() > 500_000
            with await server.client(CLOSING) as reader:
                assert len(await taken(reader)) > 300_000
            connections = server.state.connections
            left = {one.client for one in connections if isinstance(one, GuardedProtocol)}
            assert 2 <= len(left) <= 3
            assert left <= {one.getsockname() for one in clients[-3:]}

    Server(300_000, max_unsent_bytes=1_000_000).run(scenario)


async def taken(client: socket.socket) -> bytes:
    """Return all that comes until the server closes."""
    said = b""
    while data := await asyncio.get_running_loop().sock_recv(client, 4096):
        said += data
    return said


@contextmanager
def crowd(service: Service, request: bytes, number: int) -> Iterator[list[socket.socket]]:
    """Connect as many clients that ask and don't read."""
    with ExitStack() as stack:
        clients = []
        for _ in range(number):
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", service.port))
            client.sendall(request)
            clients.append(client)
        yield clients


def test_a_crowd_that_does_not_read_takes_neither_the_memory_nor_the_service(
    start: Callable[..., Service], database_url: str
) -> None:
    """What a pod may use is twice what the service needs."""
    service = start(database_url, DATABASE_POOL_WAIT_SECONDS=30)
    note = {"title": "t", "body": "\u6f22" * 4000}
    for _ in range(100):
        assert service.client.post("/v1/notes", json=note).status_code == 201
    process = psutil.Process(service.process.pid)
    before = process.memory_info().rss
    # The kernel takes some of the first of them.
    page = b"GET /v1/notes?limit=100 HTTP/1.1\r\nHost: slow\r\n\r\n"
    with crowd(service, page * 6, 60):
        wait_for(lambda: "cut the slowest" in str(service.lines()), 60)
        for _ in range(10):
            assert len(service.client.get("/v1/notes?limit=100").json()["items"]) == 100
        assert process.memory_info().rss - before < 50 * MIB
