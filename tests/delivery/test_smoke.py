import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from delivery import smoke
from delivery.postgres import Postgres, temporary
from delivery.process import ROOT, Service, environment, running
from service.migrate import migrate
from service.settings import Settings

_numbers = count()

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
    "no request ids": ("replies.py", 'b"x-request-id"', 'b"x-id"', "request id"),
}


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with temporary() as (server,):
        migrate(Settings(database_url=server.create_database("migrated")), "head")
        yield server


@pytest.fixture
def start(postgres: Postgres, tmp_path: Path) -> Iterator[Callable[..., Service]]:
    with ExitStack() as stack:

        def start(root: Path = ROOT) -> Service:
            url = postgres.create_database(f"smoke{next(_numbers)}", "migrated")
            return stack.enter_context(running(tmp_path / "log", environment(url), root))

        yield start


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
    start: Callable[..., Service], tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    file, stands, broken, verdict = BROKEN[name]
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "service", tmp_path / "service", ignore=ignored)
    source = tmp_path / "service" / file
    assert stands in source.read_text()
    source.write_text(source.read_text().replace(stands, broken, 1))
    assert smoke.main([address(start(tmp_path)), "--settle", "0.1"]) == 1
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
        ("web.example.com", "is no address"),
        ("ftp://web", "is no address"),
        ("http://no-such-name.invalid", "is not known"),
        ("http://127.0.0.1:1", "GET /readyz was not answered"),
    ],
)
def test_what_cannot_be_reached_is_a_sentence(
    capsys: pytest.CaptureFixture[str], url: str, verdict: str
) -> None:
    assert smoke.main([url, "--settle", "0"]) == 1
    assert verdict in capsys.readouterr().out
