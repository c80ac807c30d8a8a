"""The database of an environment: PostgreSQL by Patroni, archived to the backup bucket."""

from collections.abc import Iterator
from dataclasses import dataclass

from config.capacity import Room
from config.errors import Problem
from config.quantities import (
    cpu_millis,
    image_problems,
    member_problems,
    memory_mib,
    quantity_problems,
    rollout_problems,
    schedule_problems,
    storage_problems,
)

DATABASE_NAMESPACE = "database"
MAX_CONNECTIONS = 200
"""What members of the cluster share; a changed one is taken up as a roll-out restarts them."""
DUMP = Room(pods=1, cpu_millis=100, memory_mib=256)
"""What the pod asks for that dumps the rows: a part of a dump is in its memory."""
RESERVED_CONNECTIONS = 20
"""For replication, backups, dumps, migrations and a person."""


@dataclass(frozen=True, kw_only=True)
class Database:
    """PostgreSQL: its image, members, size, and when it is backed up."""

    image: str
    """A full reference: registry, repository and a tag or digest."""
    members: int
    """With more than one, what a client was told is written is on two of them, while two are there:
    a primary whose standbys are all lost goes on alone. docs/change-members.md has how they become
    more or fewer."""
    cpu: str
    memory: str
    storage_gib: int
    """Of each member's volume."""
    full_backups: str
    """When whole backups are made, as a cron schedule in UTC."""
    differential_backups: str
    """When what has changed since the last whole one is backed up, as a cron schedule in UTC."""
    dumps: str
    """When the rows are dumped for the restore drill to prove them, as a cron schedule in UTC."""
    keep_full_backups: int
    """How many are kept, each with all that is needed to go back to any moment since."""
    rollout_seconds: int
    """How long a roll-out may take before its stack fails and rolls back."""

    @property
    def member(self) -> Room:
        """What one member asks of its node."""
        return Room(pods=1, cpu_millis=cpu_millis(self.cpu), memory_mib=memory_mib(self.memory))

    @property
    def room(self) -> Room:
        """What all members ask of the nodes, a backup's or a migration's pod, and a dump's."""
        return self.member * self.members + Room(pods=1, cpu_millis=50, memory_mib=64) + DUMP

    @property
    def share(self) -> Room:
        """What its namespace may ask of the nodes at the most: a member more than there are, which
        stops while it is moved, backups, dumps, and a person's pod."""
        others = Room(pods=4, cpu_millis=200, memory_mib=512) + DUMP * 2
        return self.member * (self.members + 1) + others

    def problems(self) -> Iterator[Problem]:
        yield from image_problems(self.image)
        yield from member_problems(self.members)
        quantities = list(quantity_problems(self.cpu, self.memory))
        yield from quantities
        if not quantities and memory_mib(self.memory) < 256:
            yield Problem("memory", self.memory, "PostgreSQL and Patroni need at least 256Mi")
        yield from storage_problems(self.storage_gib)
        for field in ("full_backups", "differential_backups", "dumps"):
            yield from schedule_problems(field, getattr(self, field))
        if not 1 <= self.keep_full_backups <= 100:
            yield Problem("keep_full_backups", self.keep_full_backups, "it must be 1 to 100")
        yield from rollout_problems(self.rollout_seconds)
