"""Progress: a line a step, with the time it took."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


class Progress:
    """Writes a line a step; on a terminal the line shows what the step is at until it is done."""

    def __init__(self, stream: TextIO = sys.stderr) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._title = ""
        self._began = 0.0

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Show a step; its line says how long it took, or that it failed."""
        self._title, self._began = title, time.monotonic()
        if self._live:
            self._rewrite("…")
        try:
            yield
        except BaseException:
            self._end("✗")
            raise
        self._end("✓")

    def detail(self, text: str) -> None:
        """Say what the running step is at: in its place on a terminal, else as a line."""
        if self._live:
            self._rewrite("…", text)
        else:
            print(f"    {text}", file=self._stream, flush=True)

    def say(self, text: str) -> None:
        """Write a line that isn't a step."""
        print(text, file=self._stream, flush=True)

    def _end(self, mark: str) -> None:
        spent = time.monotonic() - self._began
        line = f"{mark} {self._title:<58}{spent:7.1f} s"
        print(f"\r\033[K{line}" if self._live else line, file=self._stream, flush=True)

    def _rewrite(self, mark: str, text: str = "") -> None:
        line = f"{mark} {self._title}" + (f": {text}" if text else "")
        print(f"\r\033[K{line[:110]}", end="", file=self._stream, flush=True)
