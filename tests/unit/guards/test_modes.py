"""Whatever the table offers, the app makes of it what its guards let pass."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from config.environments import TABLE
from config.model import Environment
from config.network import INTERFACE_ENDPOINTS
from config.platform import Domain
from tests.synthesis import Synthesis

Change = Callable[[Environment], Environment]


def _endpoints(environment: Environment) -> Environment:
    network = replace(environment.network, interface_endpoints=INTERFACE_ENDPOINTS)
    return replace(environment, network=network)


def _domain(environment: Environment) -> Environment:
    domain = Domain(name=f"{environment.name}.example.com", hosted_zone_id="Z0123456789")
    return replace(environment, platform=replace(environment.platform, domain=domain))


def _aws_auth(environment: Environment) -> Environment:
    return replace(environment, access=replace(environment.access, mode="aws-auth"))


def _api_only(environment: Environment) -> Environment:
    access = replace(
        environment.access, authentication_mode="API", api_only_for_good=environment.name
    )
    return replace(environment, access=access)


def _network_load_balancer(environment: Environment) -> Environment:
    return replace(environment, web=replace(environment.web, load_balancer="network"))


def _public(environment: Environment) -> Environment:
    cluster = replace(environment.cluster, endpoint_cidrs=("203.0.113.0/24",))
    return replace(environment, cluster=cluster)


def _bottlerocket(environment: Environment) -> Environment:
    groups = tuple(
        replace(group, ami_type="BOTTLEROCKET_x86_64") for group in environment.cluster.node_groups
    )
    return replace(environment, cluster=replace(environment.cluster, node_groups=groups))


MODES: Mapping[str, tuple[Change, ...]] = {
    "the most resources": (_endpoints, _domain),
    "the most custom resources": (_aws_auth, _domain),
    "api only, connections passed on": (_api_only, _network_load_balancer),
    "a public endpoint, Bottlerocket": (_public, _bottlerocket),
}
"""Those of a line don't get in each other's way; each costs seconds."""


@pytest.mark.parametrize("changes", MODES.values(), ids=MODES)
def test_every_environment_can_be_synthesized_in_each_mode(
    tmp_path: Path, changes: tuple[Change, ...]
) -> None:
    environments = TABLE.environments
    for change in changes:
        environments = tuple(change(environment) for environment in environments)
    # Raises GuardError with what is too big.
    made = Synthesis(replace(TABLE, environments=environments), tmp_path)
    assert made.environments == [environment.name for environment in TABLE.environments]
