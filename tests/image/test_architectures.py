"""What the images are built from is there for both architectures."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from delivery.process import ROOT

DOCKERFILES = [ROOT / "Dockerfile", ROOT / "images" / "database" / "Dockerfile"]


@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
def test_every_locked_package_of_the_service_is_a_wheel(architecture: str, tmp_path: Path) -> None:
    uv = shutil.which("uv")
    assert uv
    where = [f"--target={tmp_path}", f"--python-platform={architecture}-manylinux_2_28"]
    what = ["--only-binary=:all:", "--require-hashes", "--python-version=3.13"]
    lock = f"--requirement={ROOT / 'service' / 'requirements.txt'}"
    done = subprocess.run(
        [uv, "pip", "install", "--quiet", *where, *what, lock], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    extensions = [one.name for one in tmp_path.rglob("*.so")]
    assert extensions
    assert all("linux-gnu" not in one or architecture in one for one in extensions)


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_a_dockerfile_names_each_base_once(dockerfile: Path) -> None:
    text = dockerfile.read_text()
    bases = dict(re.findall(r"^ARG (\w*BASE)=(\S+)$", text, re.MULTILINE))
    used = re.findall(r"^FROM (?:--platform=\${\w+} )?\${(\w+)}", text, re.MULTILINE)
    assert set(used) == set(bases)
    assert len(used) == len(re.findall("^FROM ", text, re.MULTILINE))
    assert all(re.search(r"[^/]:[\w.-]+(@sha256:[0-9a-f]{64})?$", one) for one in bases.values())
