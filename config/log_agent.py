"""The agent on each node that sends what pods write to CloudWatch Logs."""

from collections.abc import Iterator
from dataclasses import dataclass

from config.capacity import Room
from config.errors import Problem
from config.quantities import image_problems, least_problems
from config.retention import retention_problems

LOGGING_NAMESPACE = "logging"
LEAST_MEMORY_MIB = 64
LEAST_BUFFER_MIB = 32
MOST_NODES = 50
"""Of an environment: as many agents as its namespace has places for."""


@dataclass(frozen=True, kw_only=True)
class LogAgent:
    """Fluent Bit: its image, what it may take of each node, and how long its logs are kept."""

    image: str
    """A full reference with a tag or digest; Fluent Bit 4 or newer, which knows Pod Identity."""
    cpu_millis: int
    memory_mib: int
    """Request and limit."""
    buffer_mib: int
    """What waits on the node's disk while CloudWatch can't be reached; the oldest goes first."""
    retention_days: int

    @property
    def room(self) -> Room:
        """What it takes of each node."""
        return Room(pods=1, cpu_millis=self.cpu_millis, memory_mib=self.memory_mib)

    @property
    def share(self) -> Room:
        """What its namespace may ask of the nodes at the most."""
        return self.room * MOST_NODES

    def problems(self) -> Iterator[Problem]:
        yield from image_problems(self.image)
        yield from size_problems(self.cpu_millis, self.memory_mib, self.buffer_mib)
        yield from retention_problems("retention_days", self.retention_days)


def size_problems(cpu_millis: int, memory_mib: int, buffer_mib: int) -> Iterator[Problem]:
    yield from least_problems(1, cpu_millis=cpu_millis)
    yield from least_problems(LEAST_MEMORY_MIB, memory_mib=memory_mib)
    yield from least_problems(LEAST_BUFFER_MIB, buffer_mib=buffer_mib)
