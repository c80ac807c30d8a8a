"""What of an environment is backed up, how often, how long it is kept, and when that is proven."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from config.capacity import Room
from config.cron import cron_problem, longest_gap_hours
from config.errors import Problem
from config.quantities import image_problems

BACKUP_NAMESPACE = "velero"
MAX_DAYS = 3650
Volumes = Literal["none", "snapshot", "move"]

SERVER = Room(pods=1, cpu_millis=100, memory_mib=128)
AGENT = Room(pods=1, cpu_millis=10, memory_mib=64)
MOVER = Room(pods=1, cpu_millis=100, memory_mib=256)
"""What a pod asks for that moves one volume's data, or tends what was moved."""
DRILL = Room(pods=1, cpu_millis=100, memory_mib=384)
"""What the pod asks for that restores: a database server is in it."""
FRESHNESS = Room(pods=1, cpu_millis=20, memory_mib=192)
"""What the pod asks for that looks for late backups."""
_MOVERS = 8
CLAIMS = _MOVERS + 2
"""Volumes of Velero's namespace at the most: of data on its way, and of drills' servers."""
_MOST_NODES = 50
_SCHEDULES = ("hourly", "daily")
_SLACK_HOURS = 12
"""How late a drill may pass: one of CloudWatch's periods of 12 h is cut off by the present."""


@dataclass(frozen=True, kw_only=True)
class Backup:
    """Schedules in UTC, and how long the bucket keeps what was overwritten or deleted in it."""

    hourly: str
    """When the workloads' namespaces are backed up, as a cron schedule."""
    hourly_days: int
    """How long such a backup is kept."""
    daily: str
    """When everything is backed up, as a cron schedule."""
    daily_days: int
    volumes: Volumes
    """What the backups hold of volumes: nothing, a snapshot, or its data too, moved to the bucket:
    snapshots don't leave their region."""
    drill: str
    """When the newest backup is restored and compared, as a cron schedule."""
    drill_image: str
    """Of the drill, and of the database's dumps, which it proves; a full reference."""
    drill_max_age_hours: int
    """How old the newest backup may be then."""
    alarm_hours: int
    """How long ago the last drill may have passed before somebody is woken."""
    late_hours: int
    """How long a whole backup of a schedule may be overdue before somebody is woken."""
    noncurrent_days: int

    @property
    def gaps(self) -> Mapping[str, int]:
        """The hours that may lie between two backups of each schedule."""
        return {name: longest_gap_hours(getattr(self, name)) for name in _SCHEDULES}

    @property
    def room(self) -> Room:
        """What it asks of the cluster, a volume being moved and a drill going on."""
        return SERVER + MOVER + DRILL + FRESHNESS

    @property
    def share(self) -> Room:
        """What its namespace may ask of the nodes at the most."""
        return SERVER * 2 + AGENT * _MOST_NODES + MOVER * _MOVERS + (DRILL + FRESHNESS) * 2

    def problems(self) -> Iterator[Problem]:
        for field in (*_SCHEDULES, "drill"):
            if right := cron_problem(getattr(self, field)):
                yield Problem(field, getattr(self, field), right)
        for field in ("hourly_days", "daily_days", "noncurrent_days"):
            if not 1 <= getattr(self, field) <= MAX_DAYS:
                yield Problem(field, getattr(self, field), f"it must be 1 to {MAX_DAYS}")
        yield from image_problems(self.drill_image, "drill_image")
        if not 1 <= self.drill_max_age_hours <= 24 * 31:
            yield Problem("drill_max_age_hours", self.drill_max_age_hours, "it must be 1 to 744")
        if self.alarm_hours not in range(36, 169, 12):
            right = "it must be a multiple of 12 from 36 to 168: CloudWatch looks back a week"
            yield Problem("alarm_hours", self.alarm_hours, right)
        elif not cron_problem(self.drill):
            least = longest_gap_hours(self.drill) + _SLACK_HOURS
            if self.alarm_hours < least:
                right = f"it must be {least} or more, drills being due at {self.drill!r}"
                yield Problem("alarm_hours", self.alarm_hours, right)
        if not 3 <= self.late_hours <= 24:
            right = "it must be 3 to 24: a backup fails once, and the next one is whole"
            yield Problem("late_hours", self.late_hours, right)
        if self.volumes not in get_args(Volumes):
            right = f"it must be one of {', '.join(get_args(Volumes))}"
            yield Problem("volumes", self.volumes, right)
