"""A stand-in of these tests' own, and an organization made on it once."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.paths import ROOT
from terraform.provider import configured, mirror
from tests.local_aws.conftest import charts, server
from tests.local_aws.support import Server
from tests.terraform.world import World

__all__ = ["charts", "server"]

MANAGEMENT = "555555555555"


@pytest.fixture(scope="session")
def provider(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skips where Terraform or its provider isn't to be had."""
    if shutil.which("terraform") is None:
        pytest.skip("terraform isn't on PATH: install 1.11 or newer to run these tests")
    if mirror(os.environ) is not None:
        return
    folder = tmp_path_factory.mktemp("provider")
    data = {"TF_DATA_DIR": str(folder / "data"), "CHECKPOINT_DISABLE": "1"}
    done = subprocess.run(
        ["terraform", "init", "-backend=false", "-input=false", "-lockfile=readonly"],
        cwd=ROOT / "terraform" / "organization",
        env={**configured(os.environ, folder), **data},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        pytest.skip(
            "the AWS provider of terraform/*/.terraform.lock.hcl can't be had: let this machine "
            "reach registry.terraform.io, or name a mirror in TF_PLUGIN_MIRROR"
        )


@pytest.fixture
def world(tmp_path: Path, server: Server, provider: None) -> World:
    """Where nothing has been applied, in an account of its own."""
    return World(tmp_path, server, "666666666666")


@pytest.fixture(scope="session")
def organization(
    tmp_path_factory: pytest.TempPathFactory, server: Server, provider: None
) -> Iterator[World]:
    """An organization as `make accounts APPLY=1` makes it; taking it away again has to work."""
    world = World(tmp_path_factory.mktemp("organization"), server, MANAGEMENT)
    done = world.accounts("--apply")
    assert done.returncode == 0, done.stderr
    yield world
    world.destroy()
    organizations = world.management.client("organizations")
    with pytest.raises(organizations.exceptions.AWSOrganizationsNotInUseException):
        organizations.describe_organization()
    names = {bucket["Name"] for bucket in world.management.client("s3").list_buckets()["Buckets"]}
    assert names == {world.bucket}
