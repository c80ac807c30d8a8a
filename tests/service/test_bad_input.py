import json

import httpx
import pytest

from tests.service.answers import assert_problem

JSON = {"content-type": "application/json"}


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
