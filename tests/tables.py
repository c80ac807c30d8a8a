"""Tables beside the real one: what its switches lead to is held to the same rules."""

from collections.abc import Callable
from dataclasses import replace

from config.access import Mode
from config.backup import Volumes
from config.environments import PROD, TABLE
from config.images import Images
from config.model import Environment, Table
from config.network import INTERFACE_ENDPOINTS
from config.platform import Domain
from tests.samples import SMALL

Switch = Callable[[Environment], Environment]


def with_all_parts(environment: Environment) -> Environment:
    """Return it with each part that the table may leave out, and what most of the tests are about.

    Where the table has a part, it is the table's.
    """
    wanted = replace(
        environment,
        platform=replace(
            environment.platform,
            access_log_days=environment.platform.access_log_days or SMALL.platform.access_log_days,
        ),
        log_agent=environment.log_agent or SMALL.log_agent,
        database=environment.database or SMALL.database,
        web=replace(environment.web, load_balancer="application"),
    )
    return access_entries(wanted)


def access_entries(environment: Environment) -> Environment:
    return _access(environment, mode="access-entries")


def all_endpoints(environment: Environment) -> Environment:
    network = replace(environment.network, interface_endpoints=INTERFACE_ENDPOINTS)
    return replace(environment, network=network)


def domain(environment: Environment) -> Environment:
    named = Domain(name=f"{environment.name}.example.com", hosted_zone_id="Z0123456789ABCDEFGHIJ")
    return replace(environment, platform=replace(environment.platform, domain=named))


def aws_auth(environment: Environment) -> Environment:
    return _access(environment, mode="aws-auth")


def api_only(environment: Environment) -> Environment:
    access = replace(
        environment.access,
        mode="access-entries",
        authentication_mode="API",
        api_only_for_good=environment.name,
    )
    return replace(environment, access=access)


def _access(environment: Environment, mode: Mode) -> Environment:
    """Return it with a cluster that reads aws-auth, whatever maps its roles."""
    access = replace(
        environment.access,
        mode=mode,
        authentication_mode="API_AND_CONFIG_MAP",
        api_only_for_good="",
    )
    return replace(environment, access=access)


def named(environment: Environment, name: str) -> Environment:
    """Return a new environment, of which nothing stands."""
    only = environment.access.api_only_for_good and name
    return replace(
        environment, name=name, access=replace(environment.access, api_only_for_good=only)
    )


def network_load_balancer(environment: Environment) -> Environment:
    """Return a new environment: with one that stands, its bucket of access logs would go."""
    return replace(
        named(environment, f"{environment.name}2"),
        platform=replace(environment.platform, access_log_days=0),
        web=replace(environment.web, load_balancer="network"),
    )


def backed_up(environment: Environment, volumes: Volumes) -> Environment:
    return replace(environment, backup=replace(environment.backup, volumes=volumes))


def public(environment: Environment) -> Environment:
    cluster = replace(environment.cluster, endpoint_cidrs=("1.2.3.0/24",))
    return replace(environment, cluster=cluster)


def bottlerocket(environment: Environment) -> Environment:
    groups = tuple(
        replace(group, instance_types=("m7g.large", "m6g.large"), ami_type="BOTTLEROCKET_ARM_64")
        for group in environment.cluster.node_groups
    )
    return replace(environment, cluster=replace(environment.cluster, node_groups=groups))


def image_cache(environment: Environment) -> Environment:
    return replace(environment, images=Images(docker_hub_secret="ecr-pullthroughcache/docker-hub"))


def switched(*switches: Switch, table: Table = TABLE) -> Table:
    """Return a table with switches set in all of its environments."""
    environments = table.environments
    for switch in switches:
        environments = tuple(switch(environment) for environment in environments)
    return replace(table, environments=environments)


WHOLE = switched(with_all_parts)
"""The real table, and with the parts that it leaves out."""
OTHERWISE = switched(
    *(domain, public, aws_auth, bottlerocket, network_load_balancer, image_cache),
    table=replace(TABLE, environments=(PROD,)),
)
"""One environment with all that can be beside each other where the real table has none of it."""
