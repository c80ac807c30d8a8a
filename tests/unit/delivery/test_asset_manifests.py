"""Manifests one version ahead are made readable, and nothing else of them changes."""

import json
from pathlib import Path
from typing import Any

import pytest

from delivery.asset_manifests import ManifestError, lower, main, readable_version


def manifest(folder: Path, **content: Any) -> Path:
    file = folder / "assembly-dev" / "One.assets.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"files": {"a": {}}, "dockerImages": {}, **content}))
    return file


def test_one_ahead_is_lowered(tmp_path: Path) -> None:
    file = manifest(tmp_path, version="55.0.0")
    assert lower(tmp_path, 54) == [file]
    assert json.loads(file.read_text()) == {
        "version": "54.0.0",
        "files": {"a": {}},
        "dockerImages": {},
    }


def test_what_can_be_read_stays(tmp_path: Path) -> None:
    before = manifest(tmp_path, version="54.1.0").read_text()
    assert lower(tmp_path, 54) == []
    assert manifest(tmp_path, version="54.1.0").read_text() == before


@pytest.mark.parametrize("content", [{"version": "56.0.0"}, {"version": "55.0.0", "new": {}}])
def test_what_it_cannot_know_is_refused(
    tmp_path: Path, content: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    file = manifest(tmp_path, **content)
    with pytest.raises(ManifestError, match="pin a newer one"):
        lower(tmp_path, 54)
    assert json.loads(file.read_text())["version"] == content["version"]


def test_the_pinned_one_reads_what_the_app_makes(tmp_path: Path) -> None:
    manifest(tmp_path, version=f"{readable_version() + 1}.0.0")
    assert main([str(tmp_path)]) == 0
