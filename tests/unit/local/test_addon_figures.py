"""The room that the config counts for add-ons is what the simulated ones ask for."""

import pytest

from config.add_ons import ADD_ONS
from config.capacity import NOTHING, Room
from local.kubernetes.addon_table import ADDONS, Workload


def _millis(cpu: str) -> int:
    return int(cpu.removesuffix("m")) if cpu else 0


def _mib(memory: str) -> int:
    return int(memory.removesuffix("Mi")) if memory else 0


def _pod(workload: Workload) -> Room:
    """What the scheduler counts: the containers, or an init container that asks for more."""
    cpu = sum(_millis(c.cpu) for c in workload.containers)
    memory = sum(_mib(c.memory) for c in workload.containers)
    return Room(
        pods=1,
        cpu_millis=max(cpu, *(_millis(c.cpu) for c in workload.init), 0),
        memory_mib=max(memory, *(_mib(c.memory) for c in workload.init), 0),
    )


@pytest.mark.parametrize("name", ADD_ONS)
def test_an_add_on_takes_the_room_that_is_counted(name: str) -> None:
    each_node, cluster = NOTHING, NOTHING
    for workload in ADDONS[name].workloads:
        if workload.kind == "DaemonSet":
            each_node += _pod(workload)
        else:
            cluster += _pod(workload) * workload.replicas
    assert (each_node, cluster) == (ADD_ONS[name].each_node, ADD_ONS[name].cluster)
