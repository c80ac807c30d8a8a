"""Tables beside the real one: what its switches lead to is held to the same rules."""

from collections.abc import Callable
from dataclasses import replace

from config.environments import PROD, TABLE
from config.images import Images
from config.model import Environment, Table
from config.network import INTERFACE_ENDPOINTS
from config.platform import Domain

Switch = Callable[[Environment], Environment]


def all_endpoints(environment: Environment) -> Environment:
    network = replace(environment.network, interface_endpoints=INTERFACE_ENDPOINTS)
    return replace(environment, network=network)


def domain(environment: Environment) -> Environment:
    named = Domain(name=f"{environment.name}.example.com", hosted_zone_id="Z0123456789ABCDEFGHIJ")
    return replace(environment, platform=replace(environment.platform, domain=named))


def aws_auth(environment: Environment) -> Environment:
    return replace(environment, access=replace(environment.access, mode="aws-auth"))


def api_only(environment: Environment) -> Environment:
    access = replace(
        environment.access, authentication_mode="API", api_only_for_good=environment.name
    )
    return replace(environment, access=access)


def network_load_balancer(environment: Environment) -> Environment:
    """Return a new environment: with one that stands, its bucket of access logs would go."""
    return replace(
        environment,
        name=f"{environment.name}2",
        platform=replace(environment.platform, access_log_days=0),
        web=replace(environment.web, load_balancer="network"),
    )


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


OTHERWISE = switched(
    *(domain, public, aws_auth, bottlerocket, network_load_balancer, image_cache),
    table=replace(TABLE, environments=(PROD,)),
)
"""One environment with all that can be beside each other where the real table has none of it."""
