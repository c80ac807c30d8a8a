"""Whatever the table offers, the app makes of it what its guards let pass."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.synthesis import Synthesis
from tests.tables import (
    Switch,
    all_endpoints,
    api_only,
    aws_auth,
    bottlerocket,
    domain,
    network_load_balancer,
    public,
    switched,
    with_all_parts,
)

MODES: Mapping[str, tuple[Switch, ...]] = {
    "the most resources": (with_all_parts, all_endpoints, domain),
    "the most custom resources": (with_all_parts, aws_auth, domain),
    "api only, connections passed on": (network_load_balancer, api_only),
    "a public endpoint, Bottlerocket": (public, bottlerocket),
}
"""Those of a line don't get in each other's way; each costs seconds."""


@pytest.mark.parametrize("switches", MODES.values(), ids=MODES)
def test_every_environment_can_be_synthesized_in_each_mode(
    tmp_path: Path, switches: tuple[Switch, ...]
) -> None:
    table = switched(*switches)
    # Raises GuardError with what is too big.
    made = Synthesis(table, tmp_path)
    assert made.environments == [environment.name for environment in table.environments]
