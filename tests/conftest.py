"""What every kind of test shares."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from config.environments import TABLE
from tests.synthesis import Synthesis


@pytest.fixture(scope="session")
def synthesis(tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    """The app as it is, synthesized once."""
    return Synthesis(TABLE, tmp_path_factory.mktemp("cdk.out"))


class _ByFolder(LoadScopeScheduling):  # type: ignore[misc] # pytest-xdist comes without types
    """Keeps a folder's tests in one process, where they share what stands for all of them."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0].rpartition("/")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> _ByFolder:
    """Spread folders of tests, whatever --dist says."""
    return _ByFolder(config, log)
