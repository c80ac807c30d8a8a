"""A commit's images are built once; a small script stands in for docker and its registry."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from delivery import images
from delivery.registry import Image, ImageError, log_in, publish
from delivery.scan import SCANNER, Scan, ScanError

_DOCKER = """#!/bin/sh
echo "$@" >> "$REGISTRY/calls"
of() { echo "$REGISTRY/$(echo "$1" | tr ':/' '__')"; }
there() { [ -f "$(of "$1")" ] || { echo "ERROR: $1: not found" >&2; exit 1; }; }
case "$1 $2 $3" in
  login*) read token; [ "$token" = right ] || { echo unauthorized >&2; exit 1; } ;;
  "build "*) [ ! -f "$REGISTRY/unbuildable" ] ;;
  push*) rm -f "$REGISTRY/new"; touch "$(of "$3")" ;;
  "buildx imagetools create") index="$5"; shift 5
    for part in "$@"; do there "$part"; done
    touch "$(of "$index")" ;;
  "buildx imagetools inspect")
    [ ! -f "$REGISTRY/down" ] || { echo "connection refused" >&2; exit 1; }
    [ ! -f "$REGISTRY/new" ] || {
      echo "ERROR: pull access denied, repository does not exist or may require authorization:" \
        "server message: insufficient_scope: authorization failed" >&2; exit 1; }
    there "$4"
    echo sha256:1234 ;;
  *) echo "docker $1 $2 $3?" >&2; exit 1 ;;
esac
"""


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "registry"
    folder.mkdir()
    docker = tmp_path / "docker"
    docker.write_text(_DOCKER)
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), os.environ["PATH"]]))
    monkeypatch.setenv("REGISTRY", str(folder))
    return folder


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return Image(
        name="web",
        repository="docker.io/a/web",
        dockerfile=tmp_path / "Dockerfile",
        context=tmp_path,
        tag="abc",
        revision="c0ffee",
    )


@pytest.fixture
def scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scan:
    """A scan by a program that finds nothing, unless a file says what its exit code is."""
    program = tmp_path / "grype"
    program.write_text(
        '#!/bin/sh\necho "scan $@" >> "$REGISTRY/calls"\n'
        '[ ! -f "$REGISTRY/refused" ] || exit "$(cat "$REGISTRY/refused")"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv(SCANNER, str(program))
    return Scan(folder=tmp_path / "release", tools=tmp_path / "tools")


def calls(registry: Path) -> list[str]:
    return [
        line.split()[2 if line.startswith("buildx") else 0]
        for line in (registry / "calls").read_text().splitlines()
    ]


def test_an_image_is_built_scanned_and_pushed_once(
    registry: Path, image: Image, scan: Scan
) -> None:
    assert publish(image, scan) == "docker.io/a/web:abc@sha256:1234"
    assert publish(image, scan) == "docker.io/a/web:abc@sha256:1234"
    made = ["build", "scan", "build", "scan", "push", "push", "create"]
    assert calls(registry) == ["inspect", *made, "inspect", "inspect"]


def test_it_is_for_each_of_its_architectures_and_says_its_commit(
    registry: Path, image: Image, scan: Scan
) -> None:
    publish(image, scan)
    said = (registry / "calls").read_text()
    for architecture in ("amd64", "arm64"):
        part = f"docker.io/a/web:abc-{architecture}"
        options = f"--platform linux/{architecture} --build-arg REVISION=c0ffee --tag {part} "
        assert f"build {options}" in said
        assert f"scan docker:{part} " in said
    assert (
        "create --tag docker.io/a/web:abc docker.io/a/web:abc-amd64 docker.io/a/web:abc-arm64"
        in (said)
    )


def test_one_for_a_single_architecture_is_made_the_same_way(
    registry: Path, image: Image, scan: Scan
) -> None:
    database = replace(image, name="database", repository="docker.io/a/database")
    assert publish(database, scan) == "docker.io/a/database:abc@sha256:1234"
    assert calls(registry) == ["inspect", "build", "scan", "push", "create", "inspect"]


def test_a_repository_that_is_not_there_is_made_by_the_first_push(
    registry: Path, image: Image, scan: Scan
) -> None:
    (registry / "new").touch()
    assert publish(image, scan) == "docker.io/a/web:abc@sha256:1234"


@pytest.mark.parametrize(
    ("status", "said"),
    [(2, "has vulnerabilities that are mended elsewhere"), (1, "can't be scanned: Grype ended")],
)
def test_what_the_scan_refuses_is_not_pushed(
    registry: Path, image: Image, scan: Scan, status: int, said: str
) -> None:
    (registry / "refused").write_text(str(status))
    with pytest.raises(ScanError, match=f"^docker.io/a/web:abc-amd64 {said}"):
        publish(image, scan)
    assert "push" not in calls(registry)


def test_what_cannot_be_built_is_named(registry: Path, image: Image, scan: Scan) -> None:
    (registry / "unbuildable").touch()
    with pytest.raises(ImageError, match=r"^docker\.io/a/web:abc-amd64 can't be built"):
        publish(image, scan)


def test_a_registry_that_does_not_answer_is_no_missing_image(
    registry: Path, image: Image, scan: Scan
) -> None:
    (registry / "down").touch()
    with pytest.raises(ImageError, match="can't be looked up: connection refused"):
        publish(image, scan)
    assert "build" not in calls(registry)


@pytest.mark.parametrize(
    ("login", "said"),
    [
        ({}, "DOCKER_HUB_USERNAME and DOCKER_HUB_TOKEN must be set"),
        ({"DOCKER_HUB_USERNAME": "a", "DOCKER_HUB_TOKEN": "wrong"}, "refuses the login"),
    ],
)
def test_without_a_login_nothing_is_built(
    registry: Path, login: Mapping[str, str], said: str
) -> None:
    with pytest.raises(ImageError, match=said):
        log_in(login)


def test_tags_change_with_what_images_are_made_of(tmp_path: Path) -> None:
    for folder in ("images/database", "images/drill", "delivery", "service"):
        (tmp_path / folder).mkdir(parents=True)
    for file in ("images/drill/Dockerfile", "delivery/drill.py", "service/values.py"):
        (tmp_path / file).touch()
    git = ["git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@example.com"]

    def commit(file: str) -> dict[str, str]:
        (tmp_path / file).write_text(file)
        for words in (["add", "--all"], ["commit", "--quiet", "--message", file]):
            subprocess.run([*git, *words], check=True)
        names = {"web": "a/web", "database": "a/database", "drill": "a/drill"}
        return {one.name: one.tag for one in images.images(names, tmp_path)}

    subprocess.run([*git, "init", "--quiet"], check=True)
    first = commit("images/database/Dockerfile")
    second = commit("README.md")
    third = commit("images/database/patroni.yml")
    assert len({first["web"], second["web"], third["web"]}) == 3
    assert first["database"] == second["database"] != third["database"]
    fourth = commit("delivery/drill.py")
    assert first["drill"] == third["drill"] != fourth["drill"]
    assert third["database"] == fourth["database"]


def test_a_rehearsal_without_docker_makes_digests_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(images.WITHOUT_DOCKER, "1")
    file = tmp_path / "release" / "images.json"
    assert images.main(["--output", str(file)]) == 0
    once = json.loads(file.read_text())
    assert images.main(["--output", str(file)]) == 0
    assert json.loads(file.read_text()) == once
    assert all("@sha256:" in image for image in once.values())
    assert "made up" in capsys.readouterr().out


def test_a_refused_image_leaves_no_digests_for_the_synthesis(
    registry: Path,
    scan: Scan,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DOCKER_HUB_USERNAME", "a")
    monkeypatch.setenv("DOCKER_HUB_TOKEN", "right")
    (registry / "refused").write_text("2")
    file = tmp_path / "release" / "images.json"
    assert images.main(["--output", str(file)]) == 1
    assert "has vulnerabilities that are mended elsewhere" in capsys.readouterr().out
    assert not file.exists()
    assert "push" not in calls(registry)
