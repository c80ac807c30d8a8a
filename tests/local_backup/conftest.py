"""A dev of its own, whose backups are made, spoilt and restored."""

from collections.abc import Iterator

import pytest

from delivery.cluster import Cluster, connect
from local import access
from tests.local.machine import Machine, standing


@pytest.fixture(scope="package")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Dev, standing for all of this folder's tests; who changes it puts it back."""
    with standing(tmp_path_factory.mktemp("backup")) as machine:
        yield machine


@pytest.fixture(scope="module")
def cluster(dev: Machine) -> Iterator[Cluster]:
    """Dev's cluster, reached as commands reach it; AWS clients reach dev's account meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in access.environment(dev.state, dev.target).items():
            patch.setenv(name, value)
        with connect() as found:
            yield found
