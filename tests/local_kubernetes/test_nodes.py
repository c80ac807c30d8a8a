"""Node groups as simulated nodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from config.instance_types import INSTANCE_TYPES
from local.kubernetes import nodes
from local.kubernetes.control_plane import ControlPlane, ControlPlaneError
from tests.local_kubernetes.support import Namespace, deployment, eventually, group


@pytest.fixture
def extra(control_plane: ControlPlane) -> Iterator[str]:
    """The name of a group of the test's own."""
    yield "extra"
    nodes.remove(control_plane, "extra")


def _nodes(control_plane: ControlPlane, name: str = "extra") -> list[dict[str, Any]]:
    selector = f"eks.amazonaws.com/nodegroup={name}"
    items: list[dict[str, Any]]
    items = control_plane.client.get("api/v1/nodes", labelSelector=selector)["items"]
    return items


def test_a_node_looks_like_one_of_eks(control_plane: ControlPlane) -> None:
    node = _nodes(control_plane, "workers")[0]
    labels = node["metadata"]["labels"]
    addresses = {a["type"]: a["address"] for a in node["status"]["addresses"]}
    assert labels["node.kubernetes.io/instance-type"] == "t3.medium"
    assert labels["eks.amazonaws.com/capacityType"] == "ON_DEMAND"
    assert node["metadata"]["name"] == (
        f"ip-{addresses['InternalIP'].replace('.', '-')}.eu-central-1.compute.internal"
    )
    zone = labels["topology.kubernetes.io/zone"]
    assert node["spec"]["providerID"].startswith(f"aws:///{zone}/i-")
    assert node["status"]["allocatable"]["pods"] == "17"
    assert node["status"]["allocatable"]["cpu"] == "1930m"
    assert labels["kubernetes.io/arch"] == "amd64"


@pytest.mark.parametrize(
    ("name", "cpu", "reserved_mib"),
    [("t3.medium", "1930m", 255 + 11 * 17 + 100), ("t3.small", "1930m", 255 + 11 * 11 + 100)],
)
def test_allocatable_follows_eks_formulas(name: str, cpu: str, reserved_mib: int) -> None:
    capacity, usable = nodes.allocatable(INSTANCE_TYPES[name], max_pods=110, disk_gib=20)
    held_back = int(capacity["memory"][:-2]) - int(usable["memory"][:-2])
    assert usable["cpu"] == cpu
    assert held_back == reserved_mib * 1024
    assert usable["pods"] == "110"
    assert int(usable["ephemeral-storage"]) == 20 * 2**30 * 9 // 10 - 2**30


def test_nodes_spread_over_zones_and_prefixes_lift_the_pod_limit(
    control_plane: ControlPlane, extra: str
) -> None:
    def zones() -> list[int]:
        labels = [node["metadata"]["labels"] for node in _nodes(control_plane)]
        return sorted(Counter(x["topology.kubernetes.io/zone"] for x in labels).values())

    nodes.apply(control_plane, group(name=extra, desired_size=4, prefix_delegation=True))
    made = _nodes(control_plane)
    assert zones() == [1, 1, 2]
    assert {node["status"]["allocatable"]["pods"] for node in made} == {"110"}
    nodes.apply(control_plane, group(name=extra, desired_size=3, prefix_delegation=True))
    assert zones() == [1, 1, 1]


def test_labels_and_taints_change_in_place(control_plane: ControlPlane, extra: str) -> None:
    taint = nodes.Taint(key="dedicated", value="db", effect="NoSchedule")
    before = group(name=extra, desired_size=1, labels={"old": "1"}, taints=[taint])
    nodes.apply(control_plane, before)
    (first,) = _nodes(control_plane)
    nodes.apply(control_plane, group(name=extra, desired_size=1, labels={"new": "2"}))
    (second,) = _nodes(control_plane)
    assert second["metadata"]["uid"] == first["metadata"]["uid"]
    assert "old" not in second["metadata"]["labels"]
    assert second["metadata"]["labels"]["new"] == "2"
    assert [t["key"] for t in first["spec"]["taints"]] == ["dedicated"]
    assert "taints" not in second["spec"]


def test_another_instance_type_replaces_nodes_and_moves_their_pods(
    namespace: Namespace, extra: str
) -> None:
    plane = namespace.control_plane
    nodes.apply(plane, group(name=extra, desired_size=1, labels={"pool": extra}))
    namespace.apply(deployment(2, nodeSelector={"pool": extra}))
    namespace.kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    changed = group(name=extra, desired_size=1, labels={"pool": extra}, instance_types=["t3.large"])
    nodes.apply(plane, changed)
    (node,) = _nodes(plane)
    assert node["metadata"]["labels"]["node.kubernetes.io/instance-type"] == "t3.large"
    name = node["metadata"]["name"]
    eventually(
        "both pods run on the new node",
        lambda: [p["spec"]["nodeName"] for p in namespace.pods("Running")] == [name, name],
    )


def test_a_budget_that_forbids_eviction_stops_a_replacement(
    namespace: Namespace, extra: str
) -> None:
    plane = namespace.control_plane
    nodes.apply(plane, group(name=extra, desired_size=1, labels={"pool": extra}))
    namespace.apply(deployment(1, nodeSelector={"pool": extra}))
    namespace.kubectl("create", "pdb", "web", "--selector=app=web", "--min-available=1")
    namespace.kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    eventually(
        "the budget counts its pod",
        lambda: namespace.get("pdb", "web")["status"].get("currentHealthy") == 1,
    )
    changed = group(name=extra, desired_size=1, labels={"pool": extra}, instance_types=["t3.large"])
    with pytest.raises(
        ControlPlaneError, match=r"PodEvictionFailure: .* group extra: .* keeps web-"
    ):
        # Long enough for the new node to be ready first, however busy the machine is.
        nodes.apply(plane, changed, timeout=6)


def test_unknown_instance_type_is_refused() -> None:
    with pytest.raises(ControlPlaneError, match=r"workers: instance type z9\.huge isn't in"):
        group(instance_types=["t3.medium", "z9.huge"])
