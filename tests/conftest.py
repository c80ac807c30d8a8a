"""What every kind of test shares."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from config.environments import TABLE
from tests.synthesis import Synthesis
from tests.tables import WHOLE


@pytest.fixture(scope="session")
def synthesis(tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    """The app as it is, synthesized once."""
    return Synthesis(TABLE, tmp_path_factory.mktemp("cdk.out"))


@pytest.fixture(scope="session")
def whole(synthesis: Synthesis, tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    """The app with the parts that the table leaves out, for tests that are about one of them."""
    if WHOLE == TABLE:
        return synthesis
    return Synthesis(WHOLE, tmp_path_factory.mktemp("whole"))


class _ByFolder(LoadScopeScheduling):  # type: ignore[misc] # pytest-xdist comes without types
    """Keeps a folder's tests in one process, where they share what stands for all of them."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0].rpartition("/")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> _ByFolder:
    """Spread folders of tests, whatever --dist says."""
    return _ByFolder(config, log)
