"""Environments that really stand, by `python -m local up`."""

from collections.abc import Iterator

import pytest

from tests.local.machine import Machine, standing
from tests.local.roles import Roles, pipeline


@pytest.fixture(scope="package")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Dev, standing for all of this folder's tests; who changes it puts it back."""
    with standing(tmp_path_factory.mktemp("dev")) as machine:
        yield machine


@pytest.fixture(scope="module")
def roles(dev: Machine) -> Iterator[Roles]:
    """The people-roles of dev."""
    with pipeline(dev) as session:
        yield Roles(dev, session)


@pytest.fixture
def changing(dev: Machine) -> Iterator[Machine]:
    """Dev, put back to its table after the test unless a roll-back has done that already."""
    before = dev.templates()
    yield dev
    # Where the templates are the same, `up` would find nothing to do.
    if dev.templates() != before:
        done = dev.up()
        assert done.returncode == 0, done.stderr
    assert dev.templates() == before


@pytest.fixture
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A second clone's state, empty."""
    machine = Machine(tmp_path_factory.mktemp("other") / "state")
    yield machine
    machine.run("down")
