"""What runs in an environment's cluster."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from config.capacity import Room
from config.errors import Problem
from config.quantities import (
    cpu_millis,
    image_problems,
    memory_mib,
    quantity_problems,
    replica_problems,
    rollout_problems,
    target_problems,
)

LoadBalancer = Literal["application", "network"]

WEB_NAMESPACE = "web"
POOL_SIZE = 10
"""Connections to the database that each web pod keeps for requests at the most."""


@dataclass(frozen=True, kw_only=True)
class Web:
    """The web service: its image, its size and how it scales."""

    image: str
    """A full reference: registry, repository and a tag or digest."""
    min_replicas: int
    max_replicas: int
    target_cpu_percent: int
    """Of the CPU request, averaged over the pods."""
    target_memory_percent: int
    """Of the memory request, which is the limit too."""
    cpu: str
    memory: str
    rollout_seconds: int
    """How long a roll-out may take before its stack fails and rolls back."""
    load_balancer: LoadBalancer = "application"
    """What is in front of it: "network" passes connections on, and redirects no plain HTTP."""

    @property
    def cpu_millis(self) -> int:
        return cpu_millis(self.cpu)

    @property
    def memory_mib(self) -> int:
        return memory_mib(self.memory)

    @property
    def share(self) -> Room:
        """What its namespace may ask of the nodes at the most: pods that a roll-out replaces count
        until they are gone, and a migration and a person's pod come beside them."""
        pod = Room(pods=1, cpu_millis=self.cpu_millis, memory_mib=self.memory_mib)
        return pod * (2 * self.max_replicas + 4)

    def problems(self) -> Iterator[Problem]:
        yield from image_problems(self.image)
        yield from replica_problems(self.min_replicas, self.max_replicas)
        yield from target_problems(self.target_cpu_percent, self.target_memory_percent)
        yield from quantity_problems(self.cpu, self.memory)
        yield from rollout_problems(self.rollout_seconds)
        yield from load_balancer_problems(self.load_balancer)


def load_balancer_problems(load_balancer: str) -> Iterator[Problem]:
    if load_balancer not in get_args(LoadBalancer):
        right = f"it must be one of {', '.join(get_args(LoadBalancer))}"
        yield Problem("load_balancer", load_balancer, right)
