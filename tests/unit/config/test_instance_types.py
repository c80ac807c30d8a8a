import pytest

from config.instance_types import INSTANCE_TYPES


@pytest.mark.parametrize(
    ("name", "plain", "delegated"),
    [("t2.small", 11, 11), ("t3.small", 11, 110), ("t3.medium", 17, 110), ("m6i.large", 29, 110)],
)
def test_pod_limits_are_those_of_the_eks_calculator(name: str, plain: int, delegated: int) -> None:
    kind = INSTANCE_TYPES[name]
    assert kind.max_pods(prefix_delegation=False) == plain
    assert kind.max_pods(prefix_delegation=True) == delegated
