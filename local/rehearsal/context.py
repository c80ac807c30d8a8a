"""What an action needs of its run."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.rehearsal.artifacts import Artifacts
from local.rehearsal.cloud import Actor
from local.rehearsal.errors import ActionFailedError
from local.rehearsal.state import Run

_REFERENCE = re.compile(r"#\{([^}]+)\}")


@dataclass(frozen=True, kw_only=True)
class Context:
    """One action, and what it may use."""

    pipeline: Mapping[str, Any]
    stage: str
    action: Mapping[str, Any]
    run: Run
    folder: Path
    """Of the run."""
    artifacts: Artifacts
    root: Actor
    """Stands for the services of AWS."""
    service: Actor
    """The pipeline's role."""
    actor: Actor
    """The action's role, or the pipeline's."""
    repository: Path
    """The clone whose HEAD is the commit."""
    approve: Callable[[str, str, str], bool | None]
    """Gets (action, comment, link) and answers yes, no, or None: not now."""
    say: Callable[[str], None]

    @property
    def configuration(self) -> Mapping[str, str]:
        """The action's configuration, variables resolved. Raises ActionFailedError."""
        given = self.action["configuration"]
        return {name: self.resolve(value) for name, value in given.items()}

    def resolve(self, text: str) -> str:
        return _REFERENCE.sub(self._value, text)

    def deviate(self, text: str) -> None:
        """Say where this run is not what AWS would do."""
        if text not in self.run.deviations:
            self.run.deviations.append(text)

    def _value(self, match: re.Match[str]) -> str:
        namespace, _, name = match[1].partition(".")
        try:
            return self.run.variables[namespace][name]
        except KeyError:
            raise ActionFailedError(
                f"{self.action['name']} refers to a variable that no action before it has made: "
                f"#{{{match[1]}}}"
            ) from None
