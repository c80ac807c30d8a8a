"""How the app says what is wrong with what it was given."""

import sys
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import NamedTuple


class Problem(NamedTuple):
    """One wrong value: the field's path, the value, and what would be right."""

    field: str
    value: object
    right: str

    def within(self, parent: str) -> "Problem":
        return self._replace(field=f"{parent}.{self.field}")


class RefusedError(ValueError):
    """What is not deployed, and why, in sentences for a person; a traceback would add nothing."""


class ConfigError(RefusedError):
    """A config that cannot be deployed; says each problem in one sentence on a line of its own."""

    def __init__(self, owner: str, problems: Iterable[Problem]) -> None:
        super().__init__(
            "\n".join(f"{owner}: {p.field} is {p.value!r}; {p.right}" for p in problems)
        )


def within(parent: str, problems: Iterable[Problem]) -> Iterator[Problem]:
    """Yield the problems of a nested value under its parent's name."""
    return (problem.within(parent) for problem in problems)


def without_traceback(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    """Print a RefusedError as what it says; anything else as Python does. For sys.excepthook.

    The table is made while it is imported, where no caller can catch what is wrong with it.
    """
    if isinstance(error, RefusedError):
        print(f"error: {error}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, traceback)
