"""Builds one binary from a pinned Go module, saying how far it is."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from local.errors import LocalError

Report = Callable[[str], None]

REPORT_SECONDS = 5.0
STRIPPED = "-s -w"


class BuildError(LocalError):
    """One sentence on why a binary can't be had and what to do."""


@dataclass(frozen=True)
class Binary:
    """A binary, the package it is built from, and the folder of the go.mod that pins it."""

    name: str
    package: str
    module: Path
    linker_flags: str = STRIPPED


def build(binary: Binary, target: Path, report: Report) -> None:
    """Make `target`, whole or not at all; what was compiled stays in Go's own cache.

    Raises BuildError with what Go complains about.
    """
    clean = environment()
    _check_go(binary, clean)
    started = time.monotonic()
    partial = target.with_name(f".{target.name}.partial")
    command = ["go", "build", "-v", "-trimpath", "-ldflags", binary.linker_flags]
    child = subprocess.Popen(
        [*command, "-o", str(partial), binary.package],
        cwd=binary.module,
        env=clean,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        tail = _follow(child, binary.name, started, report)
    except BaseException:
        child.terminate()
        child.wait()
        raise
    if child.returncode:
        raise BuildError(
            f"{binary.name} can't be built from {binary.package} (see {binary.module}/go.mod): "
            f"{' '.join(tail) or f'go build ended with {child.returncode}'}."
        )
    partial.replace(target)
    report(f"{binary.name}: built in {_spent(started)}")


def pinned(module: Path, path: str) -> str:
    """Return the version of a module that a folder's go.mod requires. Raises BuildError."""
    found = re.search(rf"{re.escape(path)} (v\S+)", (module / "go.mod").read_text())
    if not found:
        raise BuildError(f"{module / 'go.mod'} doesn't require {path}; add it with its version.")
    return found[1]


def environment() -> dict[str, str]:
    """Return what Go runs with: GOFLAGS and GOWORK of other projects would change what is built."""
    kept = {k: v for k, v in os.environ.items() if k not in ("GOFLAGS", "GOWORK")}
    return kept | {"CGO_ENABLED": "0", "GOWORK": "off"}


def _follow(
    child: subprocess.Popen[str], name: str, started: float, report: Report
) -> Sequence[str]:
    """Report what `go build -v` does until it ends; return the last lines that it complained in."""
    assert child.stderr is not None
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_read, args=(child.stderr, lines), daemon=True).start()
    downloaded = compiled = 0
    others: list[str] = []
    report(f"{name}: building")
    due = time.monotonic() + REPORT_SECONDS
    while True:
        with contextlib.suppress(queue.Empty):
            line = lines.get(timeout=max(0.0, due - time.monotonic()))
            if line is None:
                break
            if line.startswith("go: downloading"):
                downloaded += 1
            elif re.fullmatch(r"[\w./~-]+", line):
                compiled += 1
            else:
                others.append(line)
        if time.monotonic() >= due:
            due += REPORT_SECONDS
            fetched = f"{downloaded} modules downloaded, " if downloaded else ""
            report(f"{name}: {fetched}{compiled} packages compiled, {_spent(started)}")
    child.wait()
    child.stderr.close()
    return others[-3:]


def _read(stream: IO[str], lines: queue.Queue[str | None]) -> None:
    for line in stream:
        lines.put(line.strip())
    lines.put(None)


def _check_go(binary: Binary, environment: dict[str, str]) -> None:
    found = re.search(r"^go (\S+)$", (binary.module / "go.mod").read_text(), re.MULTILINE)
    wanted = found[1] if found else "of any version"
    if shutil.which("go") is None:
        raise BuildError(f"Go {wanted} or newer is needed to build {binary.name}: install it.")
    # In the module's folder, where an older Go fetches the toolchain it needs if it may.
    asked = subprocess.run(
        ["go", "env", "GOVERSION"],
        cwd=binary.module,
        env=environment,
        capture_output=True,
        text=True,
    )
    version = asked.stdout.strip().removeprefix("go")
    if asked.returncode or _numbers(version) < _numbers(wanted):
        raise BuildError(
            f"Go {wanted} or newer is needed to build {binary.name}, but this machine has "
            f"{version or asked.stderr.strip()}: install a newer one."
        )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])


def _spent(started: float) -> str:
    minutes, seconds = divmod(int(time.monotonic() - started), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
