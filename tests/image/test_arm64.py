"""The service's image for arm64: built here, where nothing of it needs to run, and emulated."""

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from delivery.postgres import temporary
from delivery.process import ROOT, environment, run, wait_for
from tests.image.container import Mount, running
from tests.image.images import Image, Images
from tests.image.test_web import BASE, BASE_URL, PYTHON, ready

_AARCH64 = 183
"""e_machine of an ELF file's header (elf.h)."""
_EMULATOR = "/emulator"
_SECONDS = 120


@pytest.fixture(scope="module")
def arm64(images: Images) -> Iterator[Image]:
    image = images.build(
        ROOT,
        "mindforce-web-arm64",
        "--platform=linux/arm64",
        "--build-arg=BUILDPLATFORM=linux/amd64",
        f"--build-arg=BASE={BASE}-arm64",
    )
    yield image
    image.close()


def test_it_says_so_and_holds_nothing_of_another_machine(arm64: Image) -> None:
    assert arm64.architecture == "arm64"
    machines = Counter(filter(None, map(_machine, arm64.root.rglob("*"))))
    assert machines.keys() == {_AARCH64}
    assert machines.total() > 50


def test_it_has_the_packages_that_the_other_one_has(arm64: Image, web: Image) -> None:
    assert _modules(arm64) == _modules(web)


def test_it_writes_and_answers(arm64: Image, tmp_path: Path) -> None:
    emulator = shutil.which("qemu-aarch64-static")
    if emulator is None:
        pytest.skip("Running it needs an emulator: on Debian `apt-get install qemu-user-static`.")
    mounts = [Mount(_EMULATOR, Path(emulator), read_only=True)]
    said = tmp_path / "said"
    with temporary() as (postgres,):
        url = postgres.create_database("arm64")
        # Emulated it would take a minute, and show nothing that serving doesn't.
        assert run("service.migrate", env=environment(url)).returncode == 0
        env = {"DATABASE_URL": url, "DEREGISTRATION_SECONDS": "0"}
        serve = (_EMULATOR, PYTHON, "-m", "service")
        with running(arm64, *serve, env=env, output=said, mounts=mounts) as container:
            wait_for(ready, _SECONDS)
            note = httpx.post(f"{BASE_URL}/v1/notes", json={"title": "from arm64"}, timeout=30)
            assert note.status_code == 201
            assert container.end() == 0
    assert "Traceback" not in said.read_text()


def _machine(path: Path) -> int | None:
    """What an ELF file is for; None for any other."""
    if path.is_symlink() or not path.is_file():
        return None
    with path.open("rb") as file:
        start = file.read(20)
    return int.from_bytes(start[18:20], "little") if start.startswith(b"\x7fELF") else None


def _modules(image: Image) -> set[str]:
    """The files of the packages and of service/, without their architecture's name."""
    app = image.root / "app"
    return {
        str(path.relative_to(app)).replace("aarch64", "x86_64").split(".libs/")[0]
        for path in app.rglob("*")
        if path.is_file()
    }
