"""Templates depend on the commit: no other clone, time, user, and no network changes one."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from local.paths import ROOT

_PARTS = ("app.py", "cdk.json", "config", "constructs", "guards", "k8s", "package.json", "stacks")
_APP = """
import sys, time
time.time = lambda: {time}
sys.argv = ["app.py", "--pipeline"]
exec(compile(open("app.py").read(), "app.py", "exec"), {{"__name__": "__main__"}})
"""


_USERS = {"one": 4001, "other": 4002}


def synthesize(folder: Path, *, time: float, user: str, alone: Sequence[str]) -> dict[str, str]:
    """Return what a clone makes of itself: a hash by file.

    `alone` are words before a command that take the network away and make it another user's.
    """
    for name in _PARTS:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    golden = Path("tests", "snapshot", "golden")
    shutil.copytree(ROOT / golden, folder / golden)
    context = json.dumps(json.loads((folder / "cdk.json").read_text())["context"])
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{folder}:{folder / 'constructs'}",
        "HOME": str(folder / user),
        "USER": user,
        "LOGNAME": user,
        "TZ": "Asia/Tokyo" if user == "one" else "America/Lima",
        "CDK_OUTDIR": str(folder / "cdk.out"),
        "CDK_CONTEXT_JSON": context,
        # Nobody listens there: whatever is looked up fails, also where namespaces aren't to be had.
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9"),
        "JSII_RUNTIME_PACKAGE_CACHE_ROOT": os.environ.get(
            "JSII_RUNTIME_PACKAGE_CACHE_ROOT", str(Path.home() / ".cache" / "aws" / "jsii")
        ),
    }
    words = [*alone, sys.executable, "-c", _APP.format(time=time)]
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    made = folder / "cdk.out"
    return {
        str(file.relative_to(made)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(made.rglob("*"))
        if file.is_file() and file.name != "validation-report.json"
    }


def test_two_clones_make_the_same_bytes(tmp_path: Path) -> None:
    can_be_alone = _can_be_alone()
    one, other = (
        synthesize(
            _folder(tmp_path / place),
            time=time,
            user=user,
            alone=_alone(_USERS[user]) if can_be_alone else (),
        )
        for place, time, user in (
            ("a", 1_700_000_000, "one"),
            ("elsewhere", 1_800_000_000, "other"),
        )
    )
    assert any(name.endswith("Pipeline.template.json") for name in one)
    assert sum(name.endswith(".template.json") for name in one) > 15
    assert [name for name in {*one, *other} if one.get(name) != other.get(name)] == []
    if not can_be_alone:
        # All else was compared; what wasn't is said.
        said = "without a network and as another user: a process gets no namespaces here (unshare)"
        (pytest.fail if "REQUIRE_NAMESPACES" in os.environ else pytest.skip)(f"Not tried {said}.")


def _alone(user: int) -> Sequence[str]:
    """Namespaces of Linux: a network without anybody, another user."""
    return ["unshare", "--net", f"--map-user={user}", f"--map-group={user}"]


def _can_be_alone() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*_alone(4000), "true"], capture_output=True).returncode == 0


def _folder(path: Path) -> Path:
    path.mkdir()
    return path
