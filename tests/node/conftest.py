"""What stands for all of these tests: production on three real nodes."""

import os
from collections.abc import Iterator

import pytest

from delivery.process import wait_for
from tests.node.cluster import SECONDS
from tests.node.members import Members
from tests.node.standing import Standing, lacking, standing


@pytest.fixture(scope="session")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    if reason := lacking():
        # CI asks for these tests, `make test` for what can be run here.
        (pytest.fail if "REQUIRE_NODES" in os.environ else pytest.skip)(reason)
    with standing(tmp_path_factory.mktemp("production")) as stands:
        yield stands


@pytest.fixture
def members(production: Standing) -> Members:
    """The database, whole: any one of its members can be lost."""
    found = Members(production)
    wait_for(found.whole, SECONDS)
    return found
