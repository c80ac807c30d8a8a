"""What is checked alike wherever pods are described: images, sizes, times."""

import re
from collections.abc import Iterator

from config.cron import cron_problem
from config.errors import Problem

_IMAGE = re.compile(
    r"(?P<registry>[a-z0-9.-]+\.[a-z0-9-]+(:\d+)?)/"
    r"[a-z0-9][a-z0-9._/-]*(:(?P<tag>[\w][\w.-]{0,127}))?(@sha256:[0-9a-f]{64})?"
)
_CPU = re.compile(r"[1-9]\d*m?")
_MEMORY = re.compile(r"[1-9]\d*(Mi|Gi)")
STORAGE_GIB = (5, 16_384)
"""What a database and its write-ahead log need at the least, and the most a gp3 volume holds."""
MEMBER_COUNTS = (1, 3, 4, 5)
"""How many members a database may have."""
ROLLOUT_LIMIT_SECONDS = 840
"""A Lambda function runs 900 s at most; the gate needs a minute of it to say what it saw."""


def cpu_millis(cpu: str) -> int:
    return int(cpu[:-1]) if cpu.endswith("m") else int(cpu) * 1000


def memory_mib(memory: str) -> int:
    return int(memory[:-2]) * (1024 if memory.endswith("Gi") else 1)


def image_problems(image: str, field: str = "image") -> Iterator[Problem]:
    found = _IMAGE.fullmatch(image)
    if not found or (found["tag"] in (None, "latest") and "@sha256:" not in image):
        right = "it must be registry/repository with a digest or a tag other than 'latest'"
        yield Problem(field, image, right)


def quantity_problems(cpu: str, memory: str) -> Iterator[Problem]:
    if not _CPU.fullmatch(cpu):
        yield Problem("cpu", cpu, "it must be a quantity such as '100m'")
    if not _MEMORY.fullmatch(memory):
        yield Problem("memory", memory, "it must be a quantity such as '128Mi'")


def replica_problems(least: int, most: int) -> Iterator[Problem]:
    if not 2 <= least <= most:
        right = "it must hold 2 <= min <= max: one pod alone can't be drained without a gap"
        yield Problem("(min, max) replicas", (least, most), right)


def member_problems(members: int) -> Iterator[Problem]:
    if members not in MEMBER_COUNTS:
        right = "it must be 1, or 3 to 5: of two, none could fail without a loss"
        yield Problem("members", members, right)


def storage_problems(gib: int) -> Iterator[Problem]:
    least, most = STORAGE_GIB
    if not least <= gib <= most:
        right = f"it must be {least} to {most}, the most that a gp3 volume holds"
        yield Problem("storage_gib", gib, right)


def schedule_problems(field: str, schedule: str) -> Iterator[Problem]:
    if right := cron_problem(schedule):
        yield Problem(field, schedule, right)


def rollout_problems(seconds: int, field: str = "rollout_seconds") -> Iterator[Problem]:
    if not 30 <= seconds <= ROLLOUT_LIMIT_SECONDS:
        yield Problem(field, seconds, f"it must be 30 to {ROLLOUT_LIMIT_SECONDS}")


def least_problems(least: int, **fields: int) -> Iterator[Problem]:
    for field, value in fields.items():
        if value < least:
            yield Problem(field, value, f"it must be at least {least}")


def target_problems(cpu_percent: int, memory_percent: int) -> Iterator[Problem]:
    """Yield what is wrong with the use of their requests that an autoscaler keeps pods at."""
    if not 1 <= cpu_percent <= 100:
        yield Problem("target_cpu_percent", cpu_percent, "it must be 1 to 100")
    if not 1 <= memory_percent <= 95:
        right = "it must be 1 to 95: at 100 pods are killed before others come"
        yield Problem("target_memory_percent", memory_percent, right)
