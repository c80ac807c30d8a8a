"""The log agent on nodes: all of them, whatever keeps others away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from cdk8s import App

from k8s.log_agent import NAME, LogAgentChart
from k8s.priority import PriorityChart
from local.kubernetes import nodes
from tests.local_kubernetes.support import Namespace, deployment, eventually, group

EXTRA = "extra"
KINDS = ("ServiceAccount", "ConfigMap", "DaemonSet")


@pytest.fixture
def tainted(namespace: Namespace) -> Iterator[str]:
    """The name of a node that pods have to tolerate three ways."""
    plane = namespace.control_plane
    taints = [
        nodes.Taint(key=f"dedicated-{effect.lower()}", value="database", effect=effect)
        for effect in ("NoSchedule", "PreferNoSchedule", "NoExecute")
    ]
    described = group(name=EXTRA, desired_size=1, labels={"pool": EXTRA}, taints=taints)
    nodes.apply(plane, described)
    (node,) = plane.client.get("api/v1/nodes", labelSelector=f"pool={EXTRA}")["items"]
    yield str(node["metadata"]["name"])
    nodes.remove(plane, EXTRA)


@pytest.fixture
def agent(namespace: Namespace) -> Iterator[Namespace]:
    priorities = PriorityChart(App(), "priorities").to_json()
    chart = LogAgentChart(
        App(),
        NAME,
        namespace=namespace.name,
        image="registry.example/fluent-bit:1",
        cpu_millis=50,
        memory_mib=96,
        buffer_mib=256,
        region="eu-central-1",
        log_group="/logs",
    )
    namespace.apply(*priorities, *(o for o in chart.to_json() if o["kind"] in KINDS))
    yield namespace
    namespace.kubectl("delete", "daemonset", NAME)
    for item in priorities:
        namespace.kubectl("delete", "priorityclass", item["metadata"]["name"])


def test_it_runs_on_every_node_a_tainted_one_too(tainted: str, agent: Namespace) -> None:
    agent.apply(deployment(1, nodeSelector={"pool": EXTRA}))
    every = {node["metadata"]["name"] for node in agent.get("nodes")["items"]}
    assert tainted in every

    def hosts() -> set[str]:
        running = agent.pods("Running")
        return {pod["spec"]["nodeName"] for pod in running if _is_agent(pod)}

    eventually("an agent runs on each", lambda: hosts() == every)
    (other,) = (pod for pod in agent.pods() if not _is_agent(pod))
    assert other["status"]["phase"] == "Pending", "the taints keep nobody away"


def _is_agent(pod: dict[str, Any]) -> bool:
    return bool(pod["metadata"]["labels"].get("app.kubernetes.io/name") == NAME)
