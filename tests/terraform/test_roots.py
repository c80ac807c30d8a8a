"""The roots by themselves: formatted, valid, their own tests pass, their provider pinned."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from local.paths import ROOT
from terraform.provider import PROVIDER, configured, mirror
from tests.terraform.world import SHORT_LIVED

TERRAFORM = ROOT / "terraform"
ROOTS = ["organization", "baseline"]
PLATFORMS = 14
"""For which the provider's release has a package; its manifest has a checksum besides."""


def terraform(data: Path, folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["terraform", *arguments, "-no-color"],
        cwd=folder,
        env={**configured(os.environ, data), **SHORT_LIVED, "TF_DATA_DIR": str(data)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_everything_is_formatted(provider: None, tmp_path: Path) -> None:
    terraform(tmp_path, TERRAFORM, "fmt", "-check", "-recursive", "-diff")


@pytest.mark.parametrize("root", ROOTS)
def test_a_root_is_valid_and_passes_its_own_tests(
    provider: None, tmp_path: Path, root: str
) -> None:
    folder = TERRAFORM / root
    terraform(tmp_path, folder, "init", "-backend=false", "-lockfile=readonly", "-input=false")
    terraform(tmp_path, folder, "validate")
    assert "0 failed" in terraform(tmp_path, folder, "test")


@pytest.mark.parametrize(
    "resource",
    [
        "aws_organizations_organization.this",
        "aws_organizations_account.this",
        "aws_s3_bucket.trail",
    ],
)
def test_what_cannot_be_made_again_is_protected(resource: str) -> None:
    kind, name = resource.split(".")
    text = "".join(file.read_text() for file in (TERRAFORM / "organization").glob("*.tf"))
    block = re.search(rf'^resource "{kind}" "{name}" {{\n(.*?)^}}', text, re.MULTILINE | re.DOTALL)
    assert block
    assert re.search(r"prevent_destroy\s+= true", block[1])


@pytest.mark.parametrize("root", ROOTS)
def test_the_provider_is_pinned_for_every_platform(root: str) -> None:
    lock = (TERRAFORM / root / ".terraform.lock.hcl").read_text()
    wanted = re.search(r'version = "([\d.]+)"', (TERRAFORM / root / "versions.tf").read_text())
    assert wanted
    assert f'version     = "{wanted[1]}"' in lock
    assert len(re.findall(r'"zh:[0-9a-f]{64}"', lock)) == PLATFORMS + 1


def test_a_mirror_is_found_by_name_and_by_convention(tmp_path: Path) -> None:
    (tmp_path / "mirror" / PROVIDER).mkdir(parents=True)
    (tmp_path / "terraform" / "plugins" / PROVIDER).mkdir(parents=True)
    named = {"TF_PLUGIN_MIRROR": str(tmp_path / "mirror")}
    assert mirror(named) == tmp_path / "mirror"
    assert mirror({"XDG_DATA_HOME": str(tmp_path)}) == tmp_path / "terraform" / "plugins"


def test_a_mirror_is_put_into_a_configuration_unless_there_is_one(tmp_path: Path) -> None:
    (tmp_path / "mirror" / PROVIDER).mkdir(parents=True)
    named = {"TF_PLUGIN_MIRROR": str(tmp_path / "mirror")}
    file = Path(configured(named, tmp_path / "made")["TF_CLI_CONFIG_FILE"])
    assert f'path = "{tmp_path / "mirror"}"' in file.read_text()
    own = tmp_path / "own.rc"
    own.touch()
    assert configured({**named, "TF_CLI_CONFIG_FILE": str(own)}, tmp_path)[
        "TF_CLI_CONFIG_FILE"
    ] == str(own)
