"""Environments that really stand, by `python -m local up`."""

from collections.abc import Iterator

import pytest

from delivery.cluster import Cluster, connect
from local import access
from tests.local.machine import Machine


@pytest.fixture(scope="session")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Dev, standing for the whole session; who changes it puts it back."""
    machine = Machine(tmp_path_factory.mktemp("dev") / "state")
    done = machine.up()
    try:
        assert done.returncode == 0, done.stdout + done.stderr
        yield machine
    finally:
        machine.run("down")


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


@pytest.fixture(scope="module")
def cluster(dev: Machine) -> Iterator[Cluster]:
    """Dev's cluster, reached as commands reach it; AWS clients reach dev's account meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in access.environment(dev.state, dev.target).items():
            patch.setenv(name, value)
        with connect() as found:
            yield found
