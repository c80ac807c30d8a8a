"""The README's commands are there, and every command is in the README."""

import os
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
        "delivery.backup",
        "delivery.bootstrap",
        "delivery.data",
        "delivery.drill",
        "delivery.images",
        "delivery.load",
        "delivery.migration_lint",
        "delivery.migration_test",
        "delivery.restore",
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
