import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from delivery import load, smoke
from delivery.process import Service

BROKEN = {
    # A file of the service, what stands there, what a broken build has, and the verdict.
    "never ready": ("schema.py", 'REVISION = "0001"', 'REVISION = "9999"', "GET /readyz was"),
    "does not delete": ("store.py", "delete(notes).where(", "delete(notes).where(False, ", "404"),
    "lists nothing": ("store.py", "return Page(items, None)", "return Page([], None)", "list"),
    "takes anything": (
        "notes.py",
        "title: Annotated[",
        "title: int | Annotated[",
        "instead of 422",
    ),
    "plain errors": ("problems.py", "application/problem+json", "text/plain", "problem details"),
    "says not where": ("api.py", "note, 201, location=", "note, 201, place=", "where it is"),
    "no JSON": ("replies.py", "_encode(value),", "_encode(value) + b'}',", "with an object"),
    "changes nothing": (
        "store.py",
        "body=given.body, updated_at",
        "updated_at",
        "of a note that was changed",
    ),
    "no request ids": ("replies.py", 'b"x-request-id"', 'b"x-id"', "request id"),
}


def address(service: Service) -> str:
    return f"http://127.0.0.1:{service.port}"


def test_a_service_that_serves_passes_and_keeps_nothing(
    start: Callable[..., Service], capsys: pytest.CaptureFixture[str]
) -> None:
    service = start()
    assert smoke.main([address(service)]) == 0
    assert capsys.readouterr().out.endswith("PASSED\n")
    assert service.client.get("/v1/notes").json()["items"] == []


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_build_fails(
    start: Callable[..., Service],
    build: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    *change, verdict = BROKEN[name]
    assert smoke.main([address(start(build(*change))), "--settle", "0.1"]) == 1
    said = capsys.readouterr().out
    assert said.startswith("FAILED: ")
    assert verdict in said


def test_it_waits_until_the_environment_has_settled(
    start: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = start()
    tries = threading.Semaphore(2)
    resolve = smoke._resolve

    def unknown_at_first(host: str, port: int) -> None:
        if tries.acquire(blocking=False):
            raise smoke.SmokeError("The name is not known.")
        resolve(host, port)

    monkeypatch.setattr(smoke, "_resolve", unknown_at_first)
    monkeypatch.setattr(smoke, "_PAUSE_SECONDS", 0.01)
    assert smoke.smoke(address(service), 20)


@pytest.mark.parametrize(
    ("url", "verdict"),
    [
        ("http://no-such-name.invalid", "is not known"),
        ("http://127.0.0.1:1", "GET /readyz was not answered"),
    ],
)
def test_what_cannot_be_reached_says_what_may_be_lacking(
    capsys: pytest.CaptureFixture[str], url: str, verdict: str
) -> None:
    assert smoke.main([url, "--settle", "0"]) == 1
    said = capsys.readouterr().out
    assert verdict in said
    assert "Without platform.domain its load balancer is internal" in said


@pytest.mark.parametrize(
    "url",
    [
        "web.example.com",
        "ftp://web",
        "http://",
        "http://[::1",
        "http://web:99999",
        "http://web:port",
        "http://web/path",
        "http://web?query",
    ],
)
@pytest.mark.parametrize("command", [smoke.main, load.main])
def test_what_is_no_address_is_refused(
    capsys: pytest.CaptureFixture[str], command: Callable[[list[str]], int], url: str
) -> None:
    with pytest.raises(SystemExit, match=r"^2$"):
        command([url])
    assert f"{url!r} is no address; it must be such as" in capsys.readouterr().err


@pytest.mark.parametrize("seconds", ["nan", "inf", "-1", "soon"])
def test_an_endless_wait_is_refused(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^2$"):
        smoke.main(["http://127.0.0.1:1", f"--settle={seconds}"])
    assert f"{seconds!r} must be a number from 0" in capsys.readouterr().err
