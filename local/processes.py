"""Long-running child processes that outlive their parent and are found again by their pid files."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

POLL_SECONDS = 0.01

_children: dict[int, subprocess.Popen[bytes]] = {}


def spawn(
    pid_file: Path,
    command: Sequence[str | Path],
    *,
    log: Path,
    directory: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> int:
    """Start `command` in a session of its own and return its pid, which `pid_file` holds as well.

    Output is appended to `log`. The environment is exactly `environment` (empty by default):
    nothing of the caller's credentials or proxies leaks into it.
    Raises OSError when the executable can't be started.
    """
    for folder in (pid_file.parent, log.parent):
        folder.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        child = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env=dict(environment or {}),
            start_new_session=True,
        )
    _children[child.pid] = child
    record(pid_file, child.pid)
    return child.pid


def record(pid_file: Path, pid: int) -> None:
    """Write `pid_file` for a process, with what tells it from a later one of the same pid."""
    pid_file.parent.mkdir(parents=True, exist_ok=True)
    partial = pid_file.with_suffix(".partial")
    partial.write_text(json.dumps({"pid": pid, "identity": _identity(pid)}))
    partial.replace(pid_file)


def running(pid_file: Path) -> int | None:
    """Return the pid of the process that wrote `pid_file`, or None when it has ended.

    A pid that now belongs to another process counts as ended.
    """
    try:
        written = json.loads(pid_file.read_text())
        pid, identity = int(written["pid"]), written["identity"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    if identity is not None and _identity(pid) == identity:
        return pid
    if pid in _children:
        # Its first thread is gone, the others soon are: only then are its ports and files free.
        _children.pop(pid).wait()
    return None


def stop(pid_files: Iterable[Path], *, patience: float = 5.0) -> None:
    """End the processes of these pid files together, and remove the files.

    Each gets SIGTERM, and SIGKILL when it still runs after `patience` seconds; so does what it
    leaves behind in its session. Missing files and ended processes are fine.
    Raises TimeoutError when one survives even SIGKILL.
    """
    files = list(pid_files)
    for number, wait in ((signal.SIGTERM, patience), (signal.SIGKILL, 5.0)):
        alive = [file for file in files if _signal(file, number)]
        end = time.monotonic() + wait
        while alive and time.monotonic() < end:
            time.sleep(POLL_SECONDS)
            alive = [file for file in alive if running(file) is not None]
        if not alive:
            break
    else:
        raise TimeoutError(
            f"{alive[0].stem} (pid {running(alive[0])}) doesn't end, even by SIGKILL."
        )
    for file in files:
        _end_what_it_left(file)
        file.unlink(missing_ok=True)


def resident_bytes(pid: int) -> int:
    """Return a process's resident memory in bytes; 0 when it has ended."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    listed = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True)
    return int(listed.stdout.strip() or 0) * 1024


def _signal(pid_file: Path, number: signal.Signals) -> bool:
    pid = running(pid_file)
    if pid is None:
        return False
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def _end_what_it_left(pid_file: Path) -> None:
    """End the group of an ended process: a plug-in outlives a server that was killed."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        pid = int(json.loads(pid_file.read_text())["pid"])
        # While a group lives nobody else gets its number; one with a leader is somebody else's.
        if _identity(pid) is None:
            os.killpg(pid, signal.SIGKILL)


def _identity(pid: int) -> str | None:
    """What no later process of the same pid shares: the boot and the start time; None if ended."""
    try:
        # The name in the second field may hold blanks and brackets: count from its last bracket.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self/stat").exists():
            return None
        return _identity_by_ps(pid)
    state, started = fields[0], fields[19]
    return None if state in "ZX" else f"{boot} {started}"


def _identity_by_ps(pid: int) -> str | None:
    listed = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True
    )
    state, _, started = listed.stdout.strip().partition(" ")
    return None if listed.returncode or state.startswith("Z") else started.strip()
