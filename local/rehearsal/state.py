"""What is known of a run, kept in a file after each action, so that another process goes on."""

import json
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

IN_PROGRESS, SUCCEEDED, FAILED, SUPERSEDED = "InProgress", "Succeeded", "Failed", "Superseded"


@dataclass(kw_only=True)
class Run:
    """One execution of a pipeline."""

    identifier: str
    version: int
    commit: str = ""
    status: str = IN_PROGRESS
    done: dict[str, float] = field(default_factory=dict)
    """Seconds by "stage/action"."""
    stages: list[str] = field(default_factory=list)
    """Which have succeeded."""
    variables: dict[str, dict[str, str]] = field(default_factory=dict)
    """Values by namespace and name."""
    artifacts: dict[str, str] = field(default_factory=dict)
    """Object keys by artifact."""
    deviations: list[str] = field(default_factory=list)
    rolls_back: str = ""
    """The stage that it takes back to what it was; it is no run of the whole pipeline then."""


class Runs:
    """The runs of one pipeline, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writing = threading.Lock()

    def folder(self, run: Run) -> Path:
        """Where a run's builds work, and leave their logs."""
        return self._folder / run.identifier

    def save(self, run: Run) -> None:
        """Write a run; whoever reads meanwhile sees it as it was, or as it is."""
        with self._writing:
            self.folder(run).mkdir(parents=True, exist_ok=True)
            partial = self.folder(run) / "run.partial"
            partial.write_text(json.dumps(asdict(run), indent=1))
            partial.replace(self.folder(run) / "run.json")

    def known(self, identifier: str) -> bool:
        return (self._folder / identifier / "run.json").exists()

    def all(self) -> Iterator[Run]:
        """Yield all runs, the newest first."""
        files = self._folder.glob("*/run.json")
        for file in sorted(files, key=lambda one: one.stat().st_mtime_ns, reverse=True):
            yield Run(**json.loads(file.read_text()))
