"""The README's commands are there, and every command is in the README."""

import re
import subprocess
import sys

import pytest

from local.paths import ROOT

README = (ROOT / "README.md").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_every_make_command_in_the_readme_is_a_target() -> None:
    used = set(re.findall(r"(?:^|`|\$\()make ([a-z-]+)", README, re.MULTILINE))
    assert used
    assert used <= TARGETS


def test_every_target_is_explained() -> None:
    explained = set(re.findall(r"^\| `make ([a-z-]+)` \|", README, re.MULTILINE))
    assert explained == TARGETS - {"help"}


def test_every_link_leads_somewhere() -> None:
    files = re.findall(r"\]\((?!https:)([^)#]+)", README)
    assert files
    for file in files:
        assert (ROOT / file).exists(), file


@pytest.mark.parametrize(
    "module",
    [
        "local",
        "benchmarks",
        "delivery.alarms",
        "delivery.asset_manifests",
        "delivery.bootstrap",
        "delivery.images",
        "delivery.load",
        "delivery.migration_lint",
        "delivery.migration_test",
        "delivery.review",
        "delivery.smoke",
        "local.rehearsal",
        "local.tools.build",
        "terraform",
        "tests.snapshot.renew",
    ],
)
def test_every_command_has_help(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0
    assert done.stdout.startswith("usage: python -m ")
