"""`python -m delivery.migration_lint`: refuse what locks a big table or breaks the old code."""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError

from delivery.process import ROOT

POSTGRES_VERSION = "17"

_EXCLUDED = (
    "prefer-text-field",  # What the API bounds; changing it is refused by another rule.
    "prefer-robust-stmts",  # A migration that fails is rolled back; what is not, is concurrent.
    "require-statement-timeout",  # An index that is built concurrently may take its time.
)
_CONTRACTS = ("ban-drop-column", "ban-drop-table", "ban-drop-not-null", "renaming-column")
"""What only a migration may do that says since which release nobody uses the old form."""

# service.migrate sets it for the session.
_PRELUDE = "SET lock_timeout = '5s';\n"


class Problem(NamedTuple):
    """What is wrong with a migration, in a sentence."""

    revision: str
    sentence: str


def lint(root: Path, since: str = "0000") -> Iterator[Problem]:
    """Yield the problems of the migrations of the service in `root` that are newer than `since`."""
    directory = ScriptDirectory.from_config(_configuration(root, StringIO()))
    try:
        scripts = list(directory.walk_revisions())[::-1]
    except CommandError as error:
        yield Problem("all", f"The migrations are not one line: {error}.")
        return
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
    except Exception as error:  # noqa: BLE001 # whatever a migration does without a database
        yield Problem(script.revision, f"Its SQL can't be told without a database: {error}.")
        return
    # Two are Alembic's own: the mark of the version, and on the way to the base its table.
    if _statements(downgrade) <= 1 < _statements(upgrade):
        yield Problem(script.revision, "Its downgrade does nothing; it must undo the upgrade.")
    allowed = _CONTRACTS if isinstance(getattr(script.module, "contracts", None), str) else ()
    for finding in _squawk(upgrade):
        rule = finding["rule_name"]
        if rule not in allowed:
            help_text = f" {finding['help']}" if finding.get("help") else ""
            yield Problem(script.revision, f"{rule}: {finding['message']}{help_text}")


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


def _squawk(sql: str) -> list[dict[str, Any]]:
    excluded = [f"--exclude={rule}" for rule in _EXCLUDED]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "migration.sql")
        path.write_text(_PRELUDE + sql)
        program = Path(sys.executable).with_name("squawk")
        done = subprocess.run(
            [program, "--reporter=json", f"--pg-version={POSTGRES_VERSION}", *excluded, path],
            capture_output=True,
            text=True,
            cwd=folder,
        )
    findings: list[dict[str, Any]] = json.loads(done.stdout)
    return findings


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when the migrations may run, 1 when one of them must not."""
    parser = argparse.ArgumentParser(prog="python -m delivery.migration_lint", description=__doc__)
    parser.add_argument("--since", default="0000", help="the last release's revision")
    parser.add_argument("--root", type=Path, default=ROOT, help="the folder that holds service/")
    given = parser.parse_args(arguments)
    problems = list(lint(given.root, given.since))
    for problem in problems:
        print(f"{problem.revision}: {problem.sentence}")
    if not problems:
        print("The migrations lock no big table and break no old code, as far as can be read.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
