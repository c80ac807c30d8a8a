"""`python -m delivery.smoke URL`: say whether an environment serves, by using it from outside."""

import argparse
import socket
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import httpx

from delivery.arguments import address, number

_SETTLE_SECONDS = 300.0
"""How long a new load balancer's name and targets may take."""
_PAUSE_SECONDS = 2.0
_INTERNAL = "Without platform.domain its load balancer is internal, and only the VPC reaches it."


class SmokeError(Exception):
    """What the environment did wrong, in a sentence."""


def smoke(url: str, settle_seconds: float = _SETTLE_SECONDS) -> list[str]:
    """Return what was seen to work. Raises SmokeError."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    _settle(lambda: _resolve(parts.hostname or "", port), settle_seconds)
    with httpx.Client(base_url=url, timeout=10) as client:
        _settle(lambda: _expect(client, "GET", "/readyz", 200), settle_seconds)
        seen = [f"{url} is ready."]
        seen += _life_of_a_note(client)
        seen += _errors(client)
    return seen


def _life_of_a_note(client: httpx.Client) -> list[str]:
    title = f"smoke {uuid.uuid4()}"
    answer = _expect(client, "POST", "/v1/notes", 201, {"title": title})
    path = answer.headers.get("location", "")
    if not path.startswith("/v1/notes/"):
        raise SmokeError("A note was created, and not said where it is.")
    try:
        created = _json(answer)
        _equal(_json(_expect(client, "GET", path, 200)), created, "A note that was created")
        page = _json(_expect(client, "GET", "/v1/notes?limit=100", 200))
        if created not in page.get("items", ()):
            raise SmokeError("A note that was created is not in the list.")
        answer = _expect(client, "PUT", path, 200, {"title": title, "body": "changed"})
        changed = _json(answer)
        _equal(_json(_expect(client, "GET", path, 200)), changed, "A note that was changed")
        _equal(changed.get("body"), "changed", "The body of a note that was changed")
    except SmokeError:
        # Whatever failed, nothing of it stays if that can be helped.
        with suppress(httpx.HTTPError):
            client.delete(path)
        raise
    _expect(client, "DELETE", path, 204)
    _expect(client, "GET", path, 404)
    return ["A note was created, read, listed, changed and deleted."]


def _errors(client: httpx.Client) -> list[str]:
    for method, path, status, body in (
        ("POST", "/v1/notes", 422, {"title": 1}),
        ("GET", "/v1/notes?cursor=x", 422, None),
        ("GET", "/nowhere", 404, None),
    ):
        answer = _expect(client, method, path, status, body)
        if answer.headers.get("content-type") != "application/problem+json":
            raise SmokeError(f"{method} {path} was refused without problem details.")
        if not answer.headers.get("x-request-id"):
            raise SmokeError(f"{method} {path} was answered without a request id.")
    return ["What is wrong is refused with problem details."]


def _settle(attempt: Callable[[], object], seconds: float) -> None:
    """Try until it works; only what a new environment may do for a while is forgiven."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            attempt()
        except SmokeError as error:
            if time.monotonic() >= deadline:
                raise SmokeError(f"{error} It had {seconds:g} s to settle.") from error
        else:
            return
        time.sleep(min(_PAUSE_SECONDS, max(0.0, deadline - time.monotonic())))


def _resolve(host: str, port: int) -> None:
    try:
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise SmokeError(f"The name {host!r} is not known: {error}. {_INTERNAL}") from error


def _expect(
    client: httpx.Client, method: str, path: str, status: int, body: object = None
) -> httpx.Response:
    try:
        answer = client.request(method, path, json=body)
    except httpx.HTTPError as error:
        unreached = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
        why = f" {_INTERNAL}" if unreached else ""
        raise SmokeError(f"{method} {path} was not answered: {error}.{why}") from error
    if answer.status_code != status:
        raise SmokeError(
            f"{method} {path} was answered with {answer.status_code} instead of {status}: "
            f"{answer.text[:200]!r}."
        )
    return answer


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        request = answer.request
        raise SmokeError(f"{request.method} {request.url.path} was not answered with an object.")
    return found


def _equal(found: object, wanted: object, what: str) -> None:
    if found != wanted:
        raise SmokeError(f"{what} reads {found!r} instead of {wanted!r}.")


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when the environment serves, 1 when not, 2 for bad arguments."""
    parser = argparse.ArgumentParser(prog="python -m delivery.smoke", description=__doc__)
    parser.add_argument("url", type=address, help="the public address")
    parser.add_argument(
        "--settle", type=number(0, 86_400), default=_SETTLE_SECONDS, metavar="SECONDS"
    )
    given = parser.parse_args(arguments)
    try:
        for line in smoke(given.url, given.settle):
            print(line)
    except SmokeError as error:
        print(f"FAILED: {error}")
        return 1
    print("PASSED")
    return 0


if __name__ == "__main__":
    sys.exit(main())
