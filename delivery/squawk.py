"""What squawk, a linter of migrations for PostgreSQL, says of SQL."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from delivery.migration_rules import Finding

POSTGRES_VERSION = "17"

_EXCLUDED = (
    "prefer-text-field",  # What the API bounds; changing it is refused by another rule.
    "prefer-robust-stmts",  # A migration that fails is rolled back; what is not, is concurrent.
    "require-statement-timeout",  # An index that is built concurrently may take its time.
)
# service.migrate sets it for the session.
_PRELUDE = "SET lock_timeout = '5s';\n"


class LintError(Exception):
    """Nothing can be said of the migrations; the message says why."""


def squawk(sql: str) -> Iterator[Finding]:
    """Yield what it finds in a migration's SQL. Raises LintError."""
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
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout)
    except ValueError:
        raise LintError(f"squawk failed: {done.stderr.strip() or done.returncode}") from None
    for one in found:
        yield Finding(one["rule_name"], f"{one['message']} {one.get('help') or ''}".strip())
