"""Every target is in the README, and every command has help."""

import os
import re
import subprocess
import sys

import pytest

from local.paths import ROOT

README = (ROOT / "README.md").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
COMMANDS = sorted(
    {
        name
        for folder in ("benchmarks", "delivery", "guards", "local", "service", "terraform", "tests")
        for file in (ROOT / folder).rglob("*.py")
        for name in re.findall(r'ArgumentParser\(\s*prog="python -m ([\w.]+)"', file.read_text())
    }
)


def test_every_target_is_explained() -> None:
    explained = set(re.findall(r"^\| `make ([a-z-]+)` \|", README, re.MULTILINE))
    assert explained == TARGETS - {"help"}


@pytest.mark.parametrize("module", COMMANDS)
def test_every_command_has_help(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0
    assert done.stdout.startswith("usage: python -m ")


@pytest.mark.parametrize(("reaches", "data"), [({}, False), ({"KUBECONFIG": "x"}, True)])
def test_a_drill_leaves_out_rows_only_where_there_are_none(
    reaches: dict[str, str], data: bool
) -> None:
    """On this machine pods are simulated; whatever a kubeconfig leads to has a database."""
    names = {"PATH": os.environ["PATH"], **reaches}
    done = subprocess.run(
        ["make", "--dry-run", "drill"], cwd=ROOT, env=names, capture_output=True, text=True
    )
    assert "delivery.drill" in done.stdout
    assert ("--no-data" not in done.stdout) is data
