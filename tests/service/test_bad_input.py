import json
import re
import socket
import time
from collections.abc import Callable
from http.client import HTTPResponse
from pathlib import Path

import httpx
import pytest

from delivery.process import Service, wait_for

JSON = {"content-type": "application/json"}


def assert_problem(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"].endswith(".")


def status(connection: socket.socket) -> int:
    """Return the next answer's status once all of it is there, in however many pieces."""
    with HTTPResponse(connection) as answer:
        answer.begin()
        answer.read()
        return answer.status


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"nul", b'{"title": "\xff"}', b'{"title":"a"} x', b"\x00"],
)
def test_what_is_not_json_is_a_400(client: httpx.Client, body: bytes) -> None:
    assert_problem(client.post("/v1/notes", content=body, headers=JSON), 400)


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        "[]",
        "null",
        '"title"',
        '{"title": 1}',
        '{"title": null}',
        '{"title": ""}',
        '{"title": "a", "extra": 1}',
        '{"title": "a", "body": ["b"]}',
        '{"title": "a\\u0000b"}',
        "[" * 60_000,
        '{"title": ' + "[" * 60_000,
        json.dumps({"title": "x" * 201}),
        json.dumps({"title": "a", "body": "x" * 4001}),
    ],
)
def test_what_is_no_note_is_a_422(client: httpx.Client, body: str) -> None:
    assert_problem(client.post("/v1/notes", content=body, headers=JSON), 422)


def test_a_lone_surrogate_is_never_stored_as_something_else(client: httpx.Client) -> None:
    answer = client.post("/v1/notes", content=b'{"title": "\\ud800"}', headers=JSON)
    assert_problem(answer, 400)


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_media_type_is_a_415(client: httpx.Client, media_type: str) -> None:
    headers = {"content-type": media_type}
    assert_problem(client.post("/v1/notes", content=b'{"title": "a"}', headers=headers), 415)


def test_a_media_type_may_have_parameters(client: httpx.Client) -> None:
    headers = {"content-type": "Application/JSON; charset=utf-8"}
    answer = client.post("/v1/notes", content=b'{"title": "a"}', headers=headers)
    assert answer.status_code == 201


@pytest.mark.parametrize("chunked", [True, False])
def test_a_huge_body_is_a_413(client: httpx.Client, chunked: bool) -> None:
    piece = b"x" * 40_000
    content = iter([piece] * 2) if chunked else piece * 2
    assert_problem(client.post("/v1/notes", content=content, headers=JSON), 413)


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=x",
        "limit=1.5",
        "limit=99999999999999999999999",
        "cursor=",
        "cursor=x",
        "cursor=%00",
        "cursor=" + "A" * 31 + "=",
        "cursor=" + "_" * 32,
        "cursor=f" + "_" * 31,
        "cursor=" + "A" * 5000,
        "cursor=' OR 1=1 --",
    ],
)
def test_a_bad_query_is_a_422(client: httpx.Client, query: str) -> None:
    answer = client.get(f"/v1/notes?{query}")
    if query == "cursor=" + "_" * 32:
        # One microsecond before 1970 is a position like any other: nothing is older.
        assert answer.json() == {"items": [], "next": None}
    else:
        assert_problem(answer, 422)


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/notes/", "/v2/notes", "/v1/notes/a/b", "/%2e%2e"]
)
def test_a_path_that_is_nobodys_is_a_404(client: httpx.Client, path: str) -> None:
    assert_problem(client.get(path), 404)


@pytest.mark.parametrize("method", ["PATCH", "DELETE", "OPTIONS", "TRACE", "MADE-UP"])
def test_a_method_that_the_path_lacks_is_refused(client: httpx.Client, method: str) -> None:
    answer = client.request(method, "/v1/notes")
    if method == "MADE-UP":
        assert_problem(answer, 400)
    else:
        assert_problem(answer, 405)
        assert answer.headers["allow"] == "GET, POST"


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
