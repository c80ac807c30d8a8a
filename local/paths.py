"""Where the local environments keep things: state in the clone, tools in the user's cache."""

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The clone."""


@dataclass(frozen=True)
class State:
    """One folder for all that stands; clones have one each, and never see another's."""

    folder: Path

    @property
    def emulator(self) -> Path:
        return self.folder / "emulator"

    @property
    def clusters(self) -> Path:
        return self.folder / "clusters"

    @property
    def assembly(self) -> Path:
        """What `cdk synth` wrote and `cdk deploy` deploys."""
        return self.folder / "cdk.out"

    @property
    def log(self) -> Path:
        """All that the CDK CLI said."""
        return self.folder / "cdk.log"

    @property
    def rehearsal(self) -> Path:
        """What is known of the pipeline's runs, and what their builds left."""
        return self.folder / "rehearsal"

    @property
    def people(self) -> Path:
        """Who may log in here, with their secrets, which open nothing but the stand-in."""
        return self.folder / "people.json"

    @property
    def lock(self) -> Path:
        """Beside the folder, which `down` removes."""
        return self.folder.with_name(f"{self.folder.name}.lock")


def default_state() -> State:
    """Return the state folder of this clone."""
    return State(ROOT / ".local")


def cache() -> Path:
    """Return the folder for what is built once and serves every clone (the XDG cache)."""
    if own := os.environ.get("MINDFORCE_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mindforce"
