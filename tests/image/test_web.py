"""The service's image, built and run."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from delivery.postgres import Postgres, temporary
from delivery.process import wait_for
from tests.image.container import running
from tests.image.images import Image

BASE = "gcr.io/distroless/python3-debian13:nonroot"
BASE_URL = "http://127.0.0.1:7777"
PYTHON = "/usr/bin/python3.13"


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with temporary() as (server,):
        yield server


@pytest.fixture
def run(web: Image, tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Run a command in the image to its end; return its exit code and output."""

    def run(*command: str, **env: str) -> tuple[int, str]:
        log = tmp_path / "log"
        with running(web, *command, env=env, output=log) as container:
            code = container.process.wait(60)
        return code, log.read_text()

    return run


def ready() -> bool:
    try:
        return httpx.get(f"{BASE_URL}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def test_it_migrates_answers_on_7777_as_nobody_and_ends_on_sigterm(
    web: Image, postgres: Postgres, run: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    url = postgres.create_database("image")
    code, said = run(PYTHON, "-m", "service.migrate", DATABASE_URL=url)
    assert code == 0, said
    env = {"DATABASE_URL": url, "DEREGISTRATION_SECONDS": "0"}
    with running(web, env=env, output=tmp_path / "service") as container:
        wait_for(ready)
        note = httpx.post(f"{BASE_URL}/v1/notes", json={"title": "from the image"})
        assert note.status_code == 201
        assert httpx.get(f"{BASE_URL}{note.headers['location']}").json() == note.json()
        status = Path(f"/proc/{container.pid}/status").read_text()
        assert "Uid:\t65532\t65532\t65532\t65532" in status
        assert container.end() == 0
    assert "Traceback" not in (tmp_path / "service").read_text()


def test_its_root_can_t_be_written(run: Callable[..., tuple[int, str]]) -> None:
    code, said = run(PYTHON, "-c", "open('/app/x', 'w')")
    assert code == 1
    assert "Read-only file system" in said


def test_it_has_no_shell_no_pip_and_no_source_of_packages(web: Image) -> None:
    names = {path.name for path in web.root.rglob("*")}
    assert not names & {"sh", "bash", "dash", "busybox", "pip", "pip3", "apt-get", "dpkg"}
    assert not list((web.root / "app" / "packages").rglob("*.py"))
    assert (web.root / "app/packages/starlette/routing.pyc").exists()
    assert list((web.root / "app/service/__pycache__").glob("app.*.pyc"))
    assert not list(web.root.rglob("ca-certificates.crt.*"))
    assert not (web.root / "etc/pip.conf").exists()


def test_a_pod_can_tell_that_it_is_not_root(web: Image) -> None:
    assert web.config["User"] == "65532:65532"
    assert {"7777/tcp", "9464/tcp"} <= set(web.config["ExposedPorts"])
    assert web.config["Labels"]["org.opencontainers.image.title"] == "mindforce web"


def test_it_is_at_most_35_mb_over_its_base(web: Image) -> None:
    assert 5_000_000 < web.bytes_over(BASE) <= 35_000_000


def test_wrong_settings_end_it_with_a_sentence(run: Callable[..., tuple[int, str]]) -> None:
    code, said = run()
    assert code == 2
    assert said.startswith("DATABASE_URL is not set;")
