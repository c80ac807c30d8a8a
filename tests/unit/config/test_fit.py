"""What passes has room for its pods and addresses for its nodes, and what hasn't is refused."""

from dataclasses import replace
from typing import Any

import pytest

from config import fit
from config.environments import PROD
from config.errors import ConfigError
from config.model import Environment
from config.node_group import NodeGroup, Taint
from tests.samples import SMALL

GROUP = SMALL.cluster.node_groups[0]


def _with(*groups: NodeGroup, **changes: Any) -> Environment:
    return replace(SMALL, cluster=replace(SMALL.cluster, node_groups=groups), **changes)


def test_nodes_without_prefixes_run_out_of_places(monkeypatch: pytest.MonkeyPatch) -> None:
    small = replace(GROUP, instance_types=("t3.small",), min_size=5, desired_size=5, max_size=9)
    _with(small)
    # The add-ons take seven of eleven places, Velero's agent and the log agent one each.
    monkeypatch.setattr(fit, "PREFIX_DELEGATION", False)
    with pytest.raises(ConfigError, match="database, 3 web pods lack pod places: 10 of 21"):
        _with(small)


def test_types_before_nitro_get_no_prefixes_and_a_mixed_group_takes_its_smallest() -> None:
    mixed = replace(GROUP, instance_types=("t3.medium", "t2.medium"))
    assert mixed.node(prefix_delegation=True).pods == 17
    few = replace(mixed, instance_types=("t3.medium", "t2.small"), max_size=2)
    with pytest.raises(ConfigError, match="lack pod places: 4 of 21"):
        _with(few)


def test_groups_with_taints_count_for_nothing_but_hold_add_ons() -> None:
    taint = Taint(key="dedicated", value="database", effect="NO_SCHEDULE")
    tainted = replace(GROUP, name="database", taints=(taint,), desired_size=2, max_size=9)
    alone = replace(GROUP, min_size=1, desired_size=1, max_size=1)
    with pytest.raises(ConfigError, match=r"max sizes is \{'general': 1\}; .* lack CPU"):
        _with(alone, tainted)
    softly = replace(taint, effect="PREFER_NO_SCHEDULE")
    _with(alone, replace(tainted, taints=(softly,)))


def test_the_sums_of_memory_and_cpu_count_too() -> None:
    with pytest.raises(ConfigError, match=r"max sizes is .*lack CPU \(m\): 6240 of"):
        replace(SMALL, web=replace(SMALL.web, cpu="1", max_replicas=10))


def test_a_member_that_no_node_has_room_for_is_refused_though_the_sums_would_do() -> None:
    assert SMALL.database
    more = replace(GROUP, desired_size=4, max_size=4)
    wide = replace(SMALL.database, memory="2696Mi")
    _with(more, database=wide)
    with pytest.raises(ConfigError, match=r"database\.memory is '2697Mi'; no node without taints"):
        _with(more, database=replace(wide, memory="2697Mi"))
    with pytest.raises(ConfigError, match=r"database\.cpu is '1561m'; no node without taints"):
        _with(more, database=replace(SMALL.database, cpu="1561m"))
    types = ("t3.large", "t3a.large")
    spot = replace(GROUP, name="spot", instance_types=types, capacity_type="SPOT")
    with pytest.raises(ConfigError, match=r"database\.memory is '4Gi'; no node without taints"):
        _with(more, spot, database=replace(wide, memory="4Gi"))


def test_only_nodes_with_room_for_a_member_count() -> None:
    assert SMALL.database
    large = replace(GROUP, name="large", instance_types=("t3.large",))
    members = replace(SMALL.database, members=3, memory="3Gi")
    with pytest.raises(ConfigError, match="of its own, and 2 with room for one have neither"):
        _with(GROUP, large, database=members)
    _with(GROUP, replace(large, desired_size=3, max_size=3), database=members)


def test_a_node_that_agents_and_add_ons_fill_alone_is_refused() -> None:
    assert SMALL.log_agent
    greedy = replace(SMALL.log_agent, memory_mib=5000)
    with pytest.raises(ConfigError, match="is 'general'; a node that runs the add-ons' own pods"):
        replace(SMALL, log_agent=greedy)


def test_a_network_too_small_for_its_nodes_is_refused() -> None:
    small = replace(SMALL.network, cidr="10.10.0.0/18")
    many = replace(GROUP, max_size=40)
    with pytest.raises(ConfigError, match="with a zone lost its private subnets have 4091 addr"):
        _with(many, network=small)


def test_a_group_in_each_zone_has_an_equal_share_of_the_sizes() -> None:
    _with(replace(GROUP, zonal=True))
    right = r"is \(2, 2, 5\); of a zonal group each must be a multiple of 2, one share a zone"
    with pytest.raises(ConfigError, match=right):
        _with(replace(GROUP, zonal=True, max_size=5))


def test_a_group_in_each_zone_takes_addresses_for_each_ones_update() -> None:
    def nodes(**changes: Any) -> int:
        group = replace(GROUP, **changes)
        each = replace(group, max_size=1, zonal=False).addresses(zones=0, prefix_delegation=True)
        return group.addresses(zones=3, prefix_delegation=True) * 2 // each

    # Two more a zone; or as many as may be unavailable, of each group at once.
    assert nodes(max_size=6) == nodes(max_size=6, zonal=True) == 12
    assert nodes(max_size=30) == 40
    assert nodes(max_size=30, zonal=True) == 42


def test_production_would_hold_its_pods_without_spot() -> None:
    general = tuple(g for g in PROD.cluster.node_groups if g.capacity_type == "ON_DEMAND")
    replace(PROD, cluster=replace(PROD.cluster, node_groups=general))
