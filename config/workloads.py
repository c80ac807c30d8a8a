"""What runs in an environment's cluster, and the backup of it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from config.capacity import Room
from config.errors import Problem

_IMAGE = re.compile(
    r"(?P<registry>[a-z0-9.-]+\.[a-z0-9-]+(:\d+)?)/"
    r"[a-z0-9][a-z0-9._/-]*(:(?P<tag>[\w][\w.-]{0,127}))?(@sha256:[0-9a-f]{64})?"
)
_CPU = re.compile(r"[1-9]\d*m?")
_MEMORY = re.compile(r"[1-9]\d*(Mi|Gi)")
WEB_NAMESPACE = "web"
ROLLOUT_LIMIT_SECONDS = 840
"""A Lambda function runs 900 s at most; the gate needs a minute of it to say what it saw."""


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

    @property
    def cpu_millis(self) -> int:
        return int(self.cpu[:-1]) if self.cpu.endswith("m") else int(self.cpu) * 1000

    @property
    def memory_mib(self) -> int:
        return int(self.memory[:-2]) * (1024 if self.memory.endswith("Gi") else 1)

    @property
    def share(self) -> Room:
        """What its namespace may ask of the nodes at the most: pods that a roll-out replaces count
        until they are gone, and a migration and a person's pod come beside them."""
        pod = Room(pods=1, cpu_millis=self.cpu_millis, memory_mib=self.memory_mib)
        return pod * (2 * self.max_replicas + 4)

    def problems(self) -> Iterator[Problem]:
        image = _IMAGE.fullmatch(self.image)
        if not image or (image["tag"] in (None, "latest") and "@sha256:" not in self.image):
            right = "it must be registry/repository with a digest or a tag other than 'latest'"
            yield Problem("image", self.image, right)
        if not 2 <= self.min_replicas <= self.max_replicas:
            bounds = (self.min_replicas, self.max_replicas)
            right = "it must hold 2 <= min <= max: one pod alone can't be drained without a gap"
            yield Problem("(min, max) replicas", bounds, right)
        if not 1 <= self.target_cpu_percent <= 100:
            yield Problem("target_cpu_percent", self.target_cpu_percent, "it must be 1 to 100")
        if not 1 <= self.target_memory_percent <= 95:
            right = "it must be 1 to 95: at 100 pods are killed before others come"
            yield Problem("target_memory_percent", self.target_memory_percent, right)
        if not _CPU.fullmatch(self.cpu):
            yield Problem("cpu", self.cpu, "it must be a quantity such as '100m'")
        if not _MEMORY.fullmatch(self.memory):
            yield Problem("memory", self.memory, "it must be a quantity such as '128Mi'")
        if not 30 <= self.rollout_seconds <= ROLLOUT_LIMIT_SECONDS:
            right = f"it must be 30 to {ROLLOUT_LIMIT_SECONDS}"
            yield Problem("rollout_seconds", self.rollout_seconds, right)


@dataclass(frozen=True, kw_only=True)
class Backup:
    """How long the backup bucket keeps what was overwritten or deleted in it."""

    noncurrent_days: int

    def problems(self) -> Iterator[Problem]:
        if not 1 <= self.noncurrent_days <= 3650:
            yield Problem("noncurrent_days", self.noncurrent_days, "it must be 1 to 3650")
