"""What strangers send that HTTP, or a client that means well, would not."""

import re
import socket
import time
from collections.abc import Callable
from http.client import HTTPResponse
from pathlib import Path

import pytest

from delivery.process import Service, wait_for


def status(connection: socket.socket) -> int:
    """Return the next answer's status once all of it is there, in however many pieces."""
    with HTTPResponse(connection) as answer:
        answer.begin()
        answer.read()
        return answer.status


def talk(service: Service, *pieces: bytes) -> bytes:
    """Send the pieces and return all that comes until the server closes."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
        said = b""
        try:
            for piece in pieces:
                connection.sendall(piece)
            while data := connection.recv(65536):
                said += data
        except ConnectionError:
            pass  # The rest was refused.
        return said


def test_what_is_not_http_is_a_400_and_the_end(shared: Service) -> None:
    said = talk(shared, b"\x16\x03\x01\x02\x00\x01\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"application/problem+json" in said


def test_an_endless_head_is_a_431_and_the_end(shared: Service) -> None:
    started = time.monotonic()
    said = talk(shared, b"GET / HTTP/1.1\r\n", *[b"x-header: " + b"y" * 8000 + b"\r\n"] * 100)
    # The answer may be lost to the reset of a connection on which more had been sent.
    assert said == b"" or said.startswith(b"HTTP/1.1 431 ")
    # Not for being slow.
    assert time.monotonic() - started < 1


@pytest.mark.parametrize(
    "endless",
    [
        b"1;" + b"x" * 400_000,
        b"0\r\n" + b"trailer: of a body\r\n" * 20_000,
        b"0\r\ntrailer: " + b"x" * 400_000,
        b"0\r\n\r\n" + b"\r\n" * 200_000,
    ],
    ids=["extension", "trailers", "trailer", "blank"],
)
@pytest.mark.parametrize("request_line", [b"GET /healthz", b"POST /v1/notes"])
def test_what_comes_around_a_body_without_end_is_the_end(
    shared: Service, request_line: bytes, endless: bytes
) -> None:
    """Kept for as long as a body may take, it would fill the memory."""
    head = request_line + b" HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    said = talk(shared, head + b"Transfer-Encoding: chunked\r\n\r\n", endless)
    # The answers may be lost to the reset of a connection on which more had been sent.
    assert set(re.findall(rb"HTTP/1.1 (\d+) ", said)) <= {b"200", b"400", b"431"}


@pytest.mark.parametrize("sent", [b"", b"GET /heal", b"GET /healthz HTTP/1.1\r\nHost: a\r\n"])
def test_a_head_that_does_not_come_ends_the_connection(shared: Service, sent: bytes) -> None:
    started = time.monotonic()
    assert talk(shared, sent) == b""
    assert time.monotonic() - started < 5


def test_a_second_head_that_does_not_come_ends_the_connection(shared: Service) -> None:
    first = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
    said = talk(shared, first, b"GET /h")
    assert said.count(b"HTTP/1.1 200 OK") == 1


def test_a_body_that_does_not_come_is_a_408_and_the_end(shared: Service) -> None:
    head = b"POST /v1/notes HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    said = talk(shared, head + b"Content-Length: 20\r\n\r\n", b'{"title"')
    assert said.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in said.lower()


def test_what_is_left_of_a_refused_body_is_no_next_request(shared: Service) -> None:
    """Answered before its body came: the rest is thrown away, and the next request is served."""
    size = 200_000
    first = b"PUT /v1/notes/unknown HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    first += b"Content-Length: %d\r\n\r\n" % size
    with socket.create_connection(("127.0.0.1", shared.port), timeout=20) as connection:
        connection.sendall(first)
        assert status(connection) == 404
        connection.sendall(b"x" * size)
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert status(connection) == 200


def test_requests_that_do_not_wait_are_answered_in_their_order(shared: Service) -> None:
    paths = (b"/readyz", b"/nowhere", b"/healthz")
    pieces = [
        b"GET %s HTTP/1.1\r\nHost: a\r\nX-Request-Id: %d\r\n" % (p, n) for n, p in enumerate(paths)
    ]
    said = talk(shared, b"\r\n".join(pieces) + b"Connection: close\r\n\r\n")
    assert re.findall(rb"x-request-id: (\d)", said) == [b"0", b"1", b"2"]


@pytest.mark.parametrize("between", [b"", b"\r\n"])
def test_a_connection_that_is_kept_for_nothing_is_ended(
    start: Callable[..., Service], database_url: str, between: bytes
) -> None:
    service = start(database_url, KEEP_ALIVE_SECONDS=1, HEADER_SECONDS=60)
    request = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
    started = time.monotonic()
    said = talk(service, request, between + request, between)
    assert said.count(b"HTTP/1.1 200 OK") == 2
    assert 1 <= time.monotonic() - started < 15


def test_a_client_that_goes_away_within_its_body_is_no_error_of_ours(shared: Service) -> None:
    head = b"POST /v1/notes HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    head += b"X-Request-Id: gone-away\r\nContent-Length: 20\r\n\r\n"
    with socket.create_connection(("127.0.0.1", shared.port)) as connection:
        connection.sendall(head)

    def line() -> list[int]:
        return [one["status"] for one in shared.lines() if one.get("request_id") == "gone-away"]

    assert wait_for(line) == [400]


def open_files(service: Service) -> int:
    return len(list(Path(f"/proc/{service.process.pid}/fd").iterdir()))


def test_a_client_that_does_not_read_its_answer_is_dropped(
    start: Callable[..., Service], database_url: str
) -> None:
    service = start(database_url, WRITE_SECONDS=1)
    for _ in range(100):
        note = {"title": "t", "body": "\u6f22" * 4000}
        assert service.client.post("/v1/notes", json=note).status_code == 201
    before = open_files(service)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", service.port))
        connection.sendall(b"GET /v1/notes?limit=100 HTTP/1.1\r\nHost: slow\r\n\r\n" * 12)
        wait_for(lambda: open_files(service) > before)
        wait_for(lambda: open_files(service) == before)
    assert service.client.get("/healthz").status_code == 200
