"""The scanner is the one that is pinned, and its word is a refusal; a script stands in for it."""

import hashlib
import io
import json
import os
import platform
import tarfile
from pathlib import Path

import pytest
import yaml

from delivery.scan import ROOT, SCANNER, SHA256, Scan, ScanError

_GRYPE = """#!/bin/sh
echo "$@" > "$(dirname "$0")/arguments"
for option in "$@"; do
  case "$option" in json=*|cyclonedx-json=*) echo '{}' > "${option#*=}" ;; esac
done
"""


def scan(tmp_path: Path, content: str = _GRYPE, sha256: str = "") -> Scan:
    """Return a scan whose scanner is fetched from a file."""
    archive = tmp_path / "grype.tar.gz"
    with tarfile.open(archive, "w:gz") as files:
        for name in ("README.md", "grype"):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755
            files.addfile(member, io.BytesIO(content.encode()))
    found = sha256 or hashlib.sha256(archive.read_bytes()).hexdigest()
    folder, tools = tmp_path / "release", tmp_path / "tools"
    return Scan(folder=folder, tools=tools, url=archive.as_uri(), sha256=found)


@pytest.fixture(autouse=True)
def pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SCANNER, raising=False)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(platform, "system", lambda: "Linux")


def test_an_image_leaves_its_report_and_its_parts(tmp_path: Path) -> None:
    made = scan(tmp_path)
    made.check("web", "docker.io/a/web:abc")
    assert {file.name for file in made.folder.iterdir()} == {
        "web.sbom.json",
        "web.vulnerabilities.json",
    }
    said = (made.tools / "arguments").read_text()
    assert said.startswith(f"docker:docker.io/a/web:abc --config {ROOT}/images/grype.yaml ")


def test_the_scanner_is_fetched_once(tmp_path: Path) -> None:
    made = scan(tmp_path)
    made.check("web", "a/web:1")
    (tmp_path / "grype.tar.gz").unlink()
    made.check("database", "a/database:1")
    assert (made.folder / "database.sbom.json").exists()


def test_another_program_than_the_pinned_one_is_never_run(tmp_path: Path) -> None:
    made = scan(tmp_path, sha256=SHA256)
    with pytest.raises(ScanError, match=f"has the SHA-256 [0-9a-f]{{64}} in place of {SHA256}"):
        made.check("web", "a/web:1")
    assert not (made.tools / "grype").exists()


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (2, "a/web:1 has vulnerabilities that are mended elsewhere, .* images/grype.yaml"),
        (1, "a/web:1 can't be scanned: Grype ended with 1"),
    ],
)
def test_what_it_says_is_a_refusal(tmp_path: Path, status: int, said: str) -> None:
    with pytest.raises(ScanError, match=said):
        scan(tmp_path, f"#!/bin/sh\nexit {status}\n").check("web", "a/web:1")


def test_without_a_scanner_nothing_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = scan(tmp_path)
    os.unlink(tmp_path / "grype.tar.gz")
    with pytest.raises(ScanError, match=r"Grype [\d.]+ can't be had from file:"):
        made.check("web", "a/web:1")
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(ScanError, match="for Linux on x86_64; set GRYPE to another"):
        made.check("web", "a/web:1")
    monkeypatch.setenv(SCANNER, str(tmp_path / "nothing"))
    with pytest.raises(ScanError, match=r"can't be scanned: .*No such file"):
        made.check("web", "a/web:1")


def test_it_refuses_what_is_serious_and_mended_and_says_why_one_stays() -> None:
    rules = yaml.safe_load((ROOT / "images" / "grype.yaml").read_text())
    assert rules["only-fixed"] is True
    assert rules["fail-on-severity"] == "high"
    assert rules["db"]["require-update-check"] is True
    for one in rules["ignore"]:
        assert one.get("vulnerability"), json.dumps(one)
        assert one.get("reason"), json.dumps(one)
