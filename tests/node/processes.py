"""What the kernel says of a pod's processes on this machine."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Process(NamedTuple):
    """A process as it was at one moment."""

    status: dict[str, str]
    root_options: list[str]
    """How its root is mounted."""


def of_pod(uid: str) -> Iterator[Process]:
    """Yield each process of a pod, but of what holds its namespaces."""
    for folder in Path("/proc").iterdir():
        try:
            group = (folder / "cgroup").read_text() if folder.name.isdigit() else ""
            if f"pod{uid}" in group and (folder / "exe").readlink().name != "pause":
                yield Process(_status(folder), _root_options(folder))
        except OSError:
            # It has ended: by where that was, the kernel says so in one way or another.
            continue


def _status(folder: Path) -> dict[str, str]:
    lines = (folder / "status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def _root_options(folder: Path) -> list[str]:
    mounts = [line.split() for line in (folder / "mountinfo").read_text().splitlines()]
    (found,) = (fields[5] for fields in mounts if fields[4] == "/")
    return found.split(",")
