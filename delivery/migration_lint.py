"""`python -m delivery.migration_lint`: refuse what locks a big table or breaks the old code."""

import argparse
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import NamedTuple, TextIO

from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError

from delivery.migration_rules import findings
from delivery.process import ROOT
from delivery.squawk import LintError, squawk

_CONTRACTS = (
    "ban-drop-column",
    "ban-drop-table",
    "ban-drop-not-null",
    "renaming-column",
    "locks-table",
    "takes-rights",
)
"""What only a migration may do that says since which release nobody uses the old form."""
_RELEASE = re.compile(r"\d+\.\d+\.\d+")


class Problem(NamedTuple):
    """What is wrong with a migration, in a sentence."""

    revision: str
    sentence: str


def lint(root: Path, since: str = "0000") -> Iterator[Problem]:
    """Yield the problems of the migrations of the service in `root` that are newer than `since`.

    Raises LintError.
    """
    if not (root / "service" / "migrations" / "versions").is_dir():
        raise LintError(f"There are no migrations of a service in {root}.")
    try:
        # Two of one revision are a warning to Alembic, which goes on with one of them.
        with warnings.catch_warnings(action="error"):
            directory = ScriptDirectory.from_config(_configuration(root, StringIO()))
            scripts = list(directory.walk_revisions())[::-1]
    except CommandError as error:
        yield Problem("all", f"The migrations are not one line: {error}.")
        return
    except Exception as error:  # noqa: BLE001 # whatever is in a file
        yield Problem("all", f"The migrations can't be read: {type(error).__name__}: {error}.")
        return
    if since not in ("0000", *(script.revision for script in scripts)):
        raise LintError(f"{since!r} is none of the revisions; the last release's is wanted.")
    yield from _numbering(scripts)
    for script in scripts:
        if script.revision > since:
            yield from _sql_problems(root, script)


def _numbering(scripts: Sequence[Script]) -> Iterator[Problem]:
    before = None
    for number, script in enumerate(scripts, start=1):
        wanted = f"{number:04}"
        if script.revision != wanted or script.down_revision != before:
            sentence = (
                f"Revision {script.revision!r} after {script.down_revision!r} must be {wanted!r} "
                f"after {before!r}, so that there is one line and a newer one is a greater one."
            )
            yield Problem(script.revision, sentence)
        before = script.revision


def _sql_problems(root: Path, script: Script) -> Iterator[Problem]:
    before = script.down_revision or "base"
    try:
        upgrade = _sql(root, command.upgrade, f"{before}:{script.revision}")
        downgrade = _sql(root, command.downgrade, f"{script.revision}:{before}")
    except (Exception, SystemExit) as error:  # noqa: BLE001 # whatever it does without a database
        yield Problem(script.revision, f"Its SQL can't be told without a database: {error}.")
        return
    # Two are Alembic's own: the mark of the version, and on the way to the base its table.
    if _statements(downgrade) <= 1 < _statements(upgrade):
        yield Problem(script.revision, "Its downgrade does nothing; it must undo the upgrade.")
    contracts = getattr(script.module, "contracts", None)
    if contracts is not None and not _RELEASE.fullmatch(str(contracts)):
        sentence = f"contracts is {contracts!r}; it must be a release such as '0.4.0'."
        yield Problem(script.revision, sentence)
    for rule, why in (*squawk(upgrade), *findings(upgrade)):
        if contracts is None or rule not in _CONTRACTS:
            yield Problem(script.revision, f"{rule}: {why}")


def _sql(root: Path, way: Callable[..., None], revisions: str) -> str:
    said = StringIO()
    way(_configuration(root, said), revisions, sql=True)
    return said.getvalue()


def _configuration(root: Path, output: TextIO) -> Config:
    config = Config(output_buffer=output)
    config.set_main_option("script_location", str(root / "service" / "migrations"))
    config.attributes["connection"] = None
    return config


def _statements(sql: str) -> int:
    lines = [one for one in sql.splitlines() if not one.startswith(("--", "BEGIN;", "COMMIT;"))]
    return "\n".join(lines).count(";")


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when the migrations may run, 1 when one must not, 2 when that can't be told."""
    parser = argparse.ArgumentParser(prog="python -m delivery.migration_lint", description=__doc__)
    parser.add_argument("--since", default="0000", help="the last release's revision")
    parser.add_argument("--root", type=Path, default=ROOT, help="the folder that holds service/")
    given = parser.parse_args(arguments)
    try:
        problems = list(lint(given.root, given.since))
    except LintError as error:
        print(f"The lint itself could not run: {error}")
        return 2
    for problem in problems:
        print(f"{problem.revision}: {problem.sentence}")
    if not problems:
        print("The migrations lock no big table and break no old code, as far as can be read.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
