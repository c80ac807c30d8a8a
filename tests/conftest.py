"""What every kind of test shares."""

import pytest

from config.environments import TABLE
from tests.synthesis import Synthesis


@pytest.fixture(scope="session")
def synthesis(tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    """The app as it is, synthesized once."""
    return Synthesis(TABLE, tmp_path_factory.mktemp("cdk.out"))
