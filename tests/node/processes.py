"""What the kernel says of a pod's processes on this machine."""

from collections.abc import Iterator
from pathlib import Path


def of_pod(uid: str) -> Iterator[Path]:
    """Yield the /proc folder of each process of a pod, but of what holds its namespaces."""
    for folder in Path("/proc").iterdir():
        try:
            group = (folder / "cgroup").read_text() if folder.name.isdigit() else ""
            if f"pod{uid}" in group and (folder / "exe").readlink().name != "pause":
                yield folder
        except (FileNotFoundError, ProcessLookupError):
            # It has ended.
            continue


def status(process: Path) -> dict[str, str]:
    lines = (process / "status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def root_options(process: Path) -> list[str]:
    """How its root is mounted."""
    mounts = [line.split() for line in (process / "mountinfo").read_text().splitlines()]
    (found,) = (fields[5] for fields in mounts if fields[4] == "/")
    return found.split(",")
