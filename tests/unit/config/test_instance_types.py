import pytest

from config.capacity import Room
from config.instance_types import INSTANCE_TYPES


@pytest.mark.parametrize(
    ("name", "plain", "delegated"),
    [("t2.small", 11, 11), ("t3.small", 11, 110), ("t3.medium", 17, 110), ("m6i.large", 29, 110)],
)
def test_pod_limits_are_those_of_the_eks_calculator(name: str, plain: int, delegated: int) -> None:
    kind = INSTANCE_TYPES[name]
    assert kind.max_pods(prefix_delegation=False) == plain
    assert kind.max_pods(prefix_delegation=True) == delegated


@pytest.mark.parametrize(
    ("name", "plain", "delegated"),
    [
        ("t2.small", 12, 12),  # three interfaces of four
        ("t3.small", 12, 3 + 8 * 16),  # 108 pods: seven prefixes and a warm one
        ("t3.medium", 18, 2 + 8 * 16),
    ],
)
def test_a_full_node_holds_prefixes_and_a_warm_one(name: str, plain: int, delegated: int) -> None:
    kind = INSTANCE_TYPES[name]
    assert kind.addresses(prefix_delegation=False) == plain
    assert kind.addresses(prefix_delegation=True) == delegated


def test_a_small_node_gives_what_eks_leaves_of_it() -> None:
    room = INSTANCE_TYPES["t3.small"].allocatable(prefix_delegation=False)
    assert room == Room(pods=11, cpu_millis=1930, memory_mib=1418)
