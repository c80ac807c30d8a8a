"""Locks that the kernel gives back however their holder ends."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from local.errors import LocalError


@contextmanager
def exclusive(lock: Path, command: str) -> Iterator[None]:
    """Hold the lock: one command at a time in one clone.

    Raises LocalError, naming the holder, when another process has it.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another command"
            raise LocalError(
                f"{holder} is at work in this clone; wait for it, or end it first."
            ) from None
        file.truncate(0)
        file.write(f"'{command}' (pid {os.getpid()})")
        file.flush()
        yield
        file.truncate(0)


@contextmanager
def shared_cache(folder: Path, report: Callable[[str], None]) -> Iterator[None]:
    """Hold a folder of the user's cache, after whoever else is filling it."""
    folder.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report(f"another command is filling {folder}: waiting for it to end")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
