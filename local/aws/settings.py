"""What the server was started with."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where the emulator listens and keeps its files; the same for its whole life."""

    port: int
    state: Path
    tools: Path
    region: str
    charts: Sequence[Path] = ()
    """Folders of Helm charts that are installed for real; the first that has a chart counts."""
    controllers: Sequence[Path] = ()
    """Folders of programs that really run (local.kubernetes.programs); without any none does."""

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def folder(self) -> Path:
        """The emulator's own part of the state folder."""
        return self.state / "emulator"

    @property
    def clusters(self) -> Path:
        return self.state / "clusters"

    @property
    def audit(self) -> Path:
        return self.folder / "audit.jsonl"

    @property
    def actions(self) -> Path:
        return self.folder / "actions.jsonl"

    @property
    def temporary(self) -> Path:
        return self.folder / "tmp"

    @property
    def layers(self) -> Path:
        """The layers of Lambda functions, unpacked."""
        return self.temporary / "layers"

    @property
    def functions(self) -> Path:
        """A pid file for each process of a Lambda function, `NAME-PID.pid`."""
        return self.folder / "functions"

    @property
    def commands(self) -> Path:
        """Commands that a Lambda function finds before those of its layers."""
        return self.folder / "bin"
