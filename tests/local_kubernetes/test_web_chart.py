"""The web chart's pods on nodes: where they are put, and how nodes are drained of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from cdk8s import App

from k8s.priority import PriorityChart
from k8s.web import WebChart
from k8s.web_pod import LABELS, NAME
from local.kubernetes import nodes
from local.kubernetes.client import ApiError
from local.kubernetes.node_group import GROUP_LABEL
from tests.local_kubernetes.support import SUBNETS, Namespace, deployment, eventually, group

EXTRA = "extra"
KINDS = ("ServiceAccount", "Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget")
Web = Callable[..., Namespace]


@pytest.fixture
def web(namespace: Namespace) -> Iterator[Web]:
    """Apply the chart with so many replicas and, if given, another image."""
    priorities = PriorityChart(App(), "priorities").to_json()

    def apply(replicas: int, image: str = "registry.example/web:1") -> Namespace:
        chart = WebChart(
            App(),
            "web",
            namespace=namespace.name,
            image=image,
            min_replicas=replicas,
            max_replicas=replicas,
            target_cpu_percent=50,
            target_memory_percent=85,
            cpu="100m",
            memory="128Mi",
            progress_deadline_seconds=600,
            load_balancer_subnets={"subnet-a": "10.20.128.0/24"},
        )
        namespace.apply(*priorities, *(o for o in chart.to_json() if o["kind"] in KINDS))
        eventually("the autoscaler has its replicas", lambda: len(_pods(namespace)) == replicas)
        return namespace

    yield apply
    namespace.kubectl("delete", "deployment", NAME, "--ignore-not-found")
    for item in priorities:
        namespace.kubectl("delete", "priorityclass", item["metadata"]["name"])


@pytest.fixture
def roomy(namespace: Namespace) -> Iterator[Callable[[int], None]]:
    """Make so many nodes in the first zone that the scheduler prefers: the others hold ballast."""
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }
    ballast = deployment(
        3, nodeSelector={GROUP_LABEL: "workers"}, topologySpreadConstraints=[spread]
    )
    ballast["metadata"]["name"] = "ballast"
    # A quarter of a node: the web's spread is a preference, and much more room outweighs it.
    (container,) = ballast["spec"]["template"]["spec"]["containers"]
    container["resources"]["requests"] = {"cpu": "500m", "memory": "768Mi"}

    def make(count: int) -> None:
        described = group(
            name=EXTRA, desired_size=count, subnets=SUBNETS[:1], instance_types=["t3.large"]
        )
        nodes.apply(namespace.control_plane, described)
        namespace.apply(ballast)
        namespace.kubectl("rollout", "status", "deployment/ballast", "--timeout=20s")

    yield make
    nodes.remove(namespace.control_plane, EXTRA)


def _pods(namespace: Namespace) -> list[dict[str, Any]]:
    return [pod for pod in namespace.pods() if pod["metadata"]["labels"].items() >= LABELS.items()]


def _settled(namespace: Namespace, count: int) -> None:
    """Wait until the budget has seen so many pods ready, and lets one of them go."""

    def allows() -> bool:
        status = namespace.get("pdb", NAME)["status"]
        return (status["currentHealthy"], status["disruptionsAllowed"]) == (count, 1)

    eventually(f"{count} pods are ready", allows)


def _evict(namespace: Namespace, pod: str) -> int:
    """Return the status of the answer, as `kubectl drain` gets it."""
    metadata = {"name": pod, "namespace": namespace.name}
    path = f"api/v1/namespaces/{namespace.name}/pods/{pod}/eviction"
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
    try:
        namespace.control_plane.client.request("POST", path, body=eviction)
    except ApiError as error:
        return error.status
    return 201


def _is_gone(namespace: Namespace, pod: str) -> bool:
    return pod not in _names(namespace)


def _names(namespace: Namespace) -> list[str]:
    return [pod["metadata"]["name"] for pod in _pods(namespace)]


def test_pods_are_evicted_one_after_another(web: Web) -> None:
    namespace = web(3)
    before = _names(namespace)
    for pod in before:
        _settled(namespace, 3)
        assert _evict(namespace, pod) == 201
        eventually("it is gone", partial(_is_gone, namespace, pod))
    _settled(namespace, 3)
    assert not set(before) & set(_names(namespace))


def test_a_second_pod_is_evicted_only_once_the_first_is_replaced(web: Web) -> None:
    namespace = web(3)
    _settled(namespace, 3)
    first, second, _ = _names(namespace)
    placed = [node["metadata"]["name"] for node in namespace.get("nodes")["items"]]
    namespace.kubectl("cordon", *placed)
    try:
        assert _evict(namespace, first) == 201
        assert _evict(namespace, second) == 429
        eventually("its replacement waits for a node", lambda: namespace.pods("Pending"))
        assert _evict(namespace, second) == 429
    finally:
        namespace.kubectl("uncordon", *placed)
    _settled(namespace, 3)
    assert _evict(namespace, second) == 201


def test_pods_that_never_got_ready_hold_up_no_drain(web: Web) -> None:
    namespace = web(3, "crash.invalid/web:1")
    # Of those that are pending no budget is asked.
    eventually("they crash", lambda: len(namespace.pods("Running")) == 3)

    def counted() -> bool:
        status = namespace.get("pdb", NAME)["status"]
        return (status["expectedPods"], status["currentHealthy"]) == (3, 0)

    eventually("the budget counts them", counted)
    assert [_evict(namespace, pod) for pod in _names(namespace)] == [201, 201, 201]


def _placed(namespace: Namespace, label: str) -> Counter[str]:
    """Count the pods by a label of their nodes."""
    items = namespace.get("nodes")["items"]
    labels = {node["metadata"]["name"]: node["metadata"]["labels"][label] for node in items}
    return Counter(labels[pod["spec"]["nodeName"]] for pod in _pods(namespace))


def test_pods_are_in_every_zone_whatever_room_one_has(
    web: Web, roomy: Callable[[int], None]
) -> None:
    roomy(3)
    namespace = web(3)
    _settled(namespace, 3)
    assert sorted(_placed(namespace, "topology.kubernetes.io/zone").values()) == [1, 1, 1]


def test_no_node_has_two_pods_while_another_has_none(
    web: Web, roomy: Callable[[int], None]
) -> None:
    roomy(1)
    namespace = web(4)
    _settled(namespace, 4)
    assert sorted(_placed(namespace, "kubernetes.io/hostname").values()) == [1, 1, 1, 1]


def test_a_zone_without_room_stops_no_pod(web: Web, namespace: Namespace) -> None:
    selector = f"topology.kubernetes.io/zone={SUBNETS[0].zone}"
    namespace.kubectl("cordon", "--selector", selector)
    try:
        _settled(web(4), 4)
    finally:
        namespace.kubectl("uncordon", "--selector", selector)
