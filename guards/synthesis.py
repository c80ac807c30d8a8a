"""All guards over one synthesis."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from config.environments import TABLE
from config.errors import RefusedError
from guards import assembly, limits, standing
from guards.assembly import Templates
from guards.replacement import Update

GOLDEN = Path(__file__).resolve().parents[1] / "tests" / "snapshot" / "golden"
"""The templates as they were last reviewed, ACCOUNT/STACK.template.json."""


class GuardError(RefusedError):
    """A synthesis that must not be deployed; says each reason in a sentence on a line."""


def check(folder: Path, golden: Path = GOLDEN) -> None:
    """Raise GuardError when a cloud assembly is too big, or would lose data."""
    kept, written = templates_in(golden), assembly.written(folder)
    found = [
        problem
        for environment, templates in assembly.read(folder).items()
        for problem in problems(
            environment, kept.get(environment, {}), templates, written[environment]
        )
    ]
    if found:
        raise GuardError("\n".join(found))


def problems(
    environment: str, old: Templates, new: Templates, written: Mapping[str, int]
) -> Iterator[str]:
    """Yield what is wrong with an environment that is updated from old templates to new ones.

    `written` is the size in bytes of each new one, by stack.
    """
    yield from limits.size(environment, new, written).problems()
    yield from Update(old, new).problems()
    yield from standing.problems(old, new)


def templates_in(golden: Path) -> Mapping[str, Templates]:
    """Return kept templates by account and stack name."""
    found: dict[str, dict[str, assembly.Template]] = {}
    for file in sorted(golden.glob("*/*.template.json")):
        environment, stack = file.parent.name, file.name.removesuffix(".template.json")
        # Stacks of environments are named after them; the pipeline's is not.
        name = stack if environment == TABLE.tooling.name else f"{environment}-{stack}"
        found.setdefault(environment, {})[name] = json.loads(file.read_text())
    return found
