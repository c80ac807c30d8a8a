"""Whether an environment's nodes hold its pods: a roll-out that they don't would wait forever."""

from collections.abc import Iterable, Iterator, Mapping

from config.add_ons import ADD_ONS
from config.backup import AGENT, Backup
from config.capacity import NOTHING, Room
from config.cluster import Cluster
from config.database import MAX_CONNECTIONS, RESERVED_CONNECTIONS, Database
from config.errors import Problem, within
from config.log_agent import LogAgent
from config.network import Network
from config.platform import Platform
from config.workloads import POOL_SIZE, Web

PREFIX_DELEGATION = True
"""Whether the VPC CNI gives nodes prefixes of addresses, as stacks/cluster.py sets it."""


def fit_problems(
    network: Network,
    cluster: Cluster,
    platform: Platform,
    backup: Backup,
    log_agent: LogAgent | None,
    database: Database | None,
    web: Web,
) -> Iterator[Problem]:
    """Yield a problem where nodes don't hold the pods, or subnets don't hold the nodes' addresses.

    Pods without tolerations keep off groups with taints, so those count for nothing here; whether
    the scheduler could pack the pods is judged by the sums alone.
    """
    each_node = _sum(add_on.each_node for add_on in ADD_ONS.values()) + AGENT
    if log_agent:
        each_node += log_agent.room
    system = _sum(add_on.cluster for add_on in ADD_ONS.values()) + platform.room + backup.room
    if database:
        system += database.room
    nodes = {
        group.name: group.node(prefix_delegation=PREFIX_DELEGATION) - each_node
        for group in cluster.node_groups
    }
    for name, node in nodes.items():
        if lacks := NOTHING.lacks(node * -1):
            right = f"a node that runs the add-ons' own pods lacks {', '.join(lacks)}"
            yield Problem("cluster.node_groups", name, right)
    open_groups = [group for group in cluster.node_groups if group.open]
    if not open_groups:
        names = [group.name for group in cluster.node_groups]
        yield Problem("cluster.node_groups", names, "one must be without taints, for most pods")
        return
    pod = Room(pods=1, cpu_millis=web.cpu_millis, memory_mib=web.memory_mib)
    for field, size in _sizes(pod).items():
        if all(nodes[group.name].lacks(size) for group in open_groups):
            right = "no node of the cluster has as much to give"
            yield Problem(f"web.{field}", getattr(web, field), right)
            return
    for which, replicas in (("desired", web.min_replicas), ("max", web.max_replicas)):
        have = _sum(nodes[g.name] * getattr(g, f"{which}_size") for g in open_groups)
        # One more while a roll-out goes on.
        lacks = have.lacks(system + pod * (replicas + 1))
        if lacks:
            right = f"add-ons, controllers, database, {replicas} web pods lack {', '.join(lacks)}"
            sizes = {group.name: getattr(group, f"{which}_size") for group in open_groups}
            yield Problem(f"cluster.node_groups: {which} sizes", sizes, right)
    if database:
        yield from _database_problems(cluster, nodes, database, web)
    for group in cluster.node_groups:
        zonal = group.zone_problems(len(network.zones))
        yield from within(f"cluster.node_groups[{group.name}]", zonal)
    yield from _address_problems(network, cluster)


def _database_problems(
    cluster: Cluster, nodes: Mapping[str, Room], database: Database, web: Web
) -> Iterator[Problem]:
    """Yield a problem where members of the database, or its clients' connections, find no place."""
    kept = [g for g in cluster.node_groups if g.open and g.capacity_type != "SPOT"]
    for field, size in _sizes(database.member).items():
        if kept and all(nodes[group.name].lacks(size) for group in kept):
            right = "no node without taints and spot prices has as much to give"
            yield Problem(f"database.{field}", getattr(database, field), right)
            return
    large = [group for group in kept if not nodes[group.name].lacks(database.member)]
    count = sum(group.desired_size for group in large)
    if count < database.members:
        right = (
            f"each needs a node of its own, and {count} with room for one have neither taints nor "
            f"spot prices"
        )
        yield Problem("database.members", database.members, right)
    # Beside its pool's, a pod has one to ask whether it is ready. One pod more while a roll-out
    # goes on.
    each = POOL_SIZE + 1
    most = (MAX_CONNECTIONS - RESERVED_CONNECTIONS) // each - 1
    if web.max_replicas > most:
        right = f"the database has connections for {most}, {each} each"
        yield Problem("web.max_replicas", web.max_replicas, right)


def _address_problems(network: Network, cluster: Cluster) -> Iterator[Problem]:
    """Yield a problem where the nodes would run out of addresses once a zone is lost."""
    zones = len(network.zones)
    needed = sum(
        group.addresses(zones=zones, prefix_delegation=PREFIX_DELEGATION)
        for group in cluster.node_groups
    )
    have = network.private_addresses * (zones - 1)
    if have < needed:
        right = f"with a zone lost its private subnets have {have} addresses; nodes take {needed}"
        yield Problem("network.cidr", network.cidr, right)


def _sizes(pod: Room) -> Mapping[str, Room]:
    """Return what a pod asks for, by the field that says it."""
    return {"cpu": Room(cpu_millis=pod.cpu_millis), "memory": Room(memory_mib=pod.memory_mib)}


def _sum(rooms: Iterable[Room]) -> Room:
    return sum(rooms, start=NOTHING)
