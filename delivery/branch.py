"""What a branch changes: templates as they are, against snapshots where it left another branch."""

import difflib
import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from guards.assembly import Templates
from guards.reviewed import by_account
from guards.synthesis import GOLDEN, templates_in

ROOT = Path(__file__).parents[1]


class ReviewError(Exception):
    """What would change can't be told; the message says why."""


def changes(account: str, reference: str, folder: Path | None) -> tuple[Templates, Templates, str]:
    """Return an account's templates where HEAD left `reference`, as they are, and their diff.

    `folder` is a cloud assembly, or where one would be had the synthesis succeeded.
    Raises ReviewError.
    """
    base, kept = _left(reference), GOLDEN.relative_to(ROOT)
    with tempfile.TemporaryDirectory() as there:
        archive = _git("archive", base, str(kept))
        subprocess.run(["tar", "-x", "-C", there], input=archive, check=True)
        old = templates_in(Path(there) / kept).get(account, {})
    # The last that a synthesis writes.
    made = folder if folder and (folder / "manifest.json").exists() else None
    note = "" if made else "Nothing was synthesized: these are the snapshots of the commit.\n"
    new = (by_account(made) if made else templates_in(GOLDEN)).get(account, {})
    return old, new, note + ("\n".join(_templates_diff(old, new)) or "No change.")


def _left(reference: str) -> str:
    """Return the commit at which HEAD left `reference`: what came there since is no part of it."""
    found = subprocess.run(
        ["git", "merge-base", reference, "HEAD"], cwd=ROOT, capture_output=True, text=True
    )
    if found.returncode:
        why = found.stderr.strip() or "they have no commit in common; is the clone shallow?"
        raise ReviewError(f"git can't tell where HEAD left {reference}: {why}")
    return found.stdout.strip()


def _templates_diff(old: Templates, new: Templates) -> Iterator[str]:
    for name in sorted({*old, *new}):
        before, after = (
            json.dumps(one[name], indent=1, sort_keys=True).splitlines() if name in one else []
            for one in (old, new)
        )
        if before != after:
            yield from difflib.unified_diff(
                before, after, f"{name} now", f"{name} then", lineterm=""
            )


def _git(*words: str) -> bytes:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True)
    if done.returncode:
        raise ReviewError(f"git {words[0]}: {done.stderr.decode().strip()}")
    return done.stdout
