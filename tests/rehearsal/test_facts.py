"""Facts of their own in a clone pass what the pipeline's synthesis checks, as ours do.

About two minutes of one core: the unit tests and snapshots, in a copy with other accounts, region,
networks, names, domain and some sizes, and with the table's modes switched. Left out is what knows
no fact and takes long.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from config.accounts import ACCOUNTS
from local.paths import ROOT
from tests.rehearsal import facts, tree

GOLDEN = Path("tests", "snapshot", "golden")
_WITHOUT_FACTS = ("test_purity.py", "test_readme.py")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "clone"
    tree.copy(folder)
    facts.change(folder)
    (folder / "node_modules").symlink_to(ROOT / "node_modules")
    # Nothing stands of what the shipped snapshots are, nor was any of it released.
    shutil.rmtree(folder / GOLDEN)
    _run(folder, "tests.snapshot.renew")
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.com")
    for words in (["init"], ["add", "--all"], [*identity, "commit", "--message", "all"]):
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)
    return folder


def test_other_facts_pass_the_checks_once_the_snapshots_are_theirs(clone: Path) -> None:
    golden = clone / GOLDEN
    left_out = [f"--ignore=tests/unit/{name}" for name in _WITHOUT_FACTS]
    _run(clone, "pytest", "--quiet", "tests/unit", "tests/snapshot", *left_out)
    ours = (ACCOUNTS.management, *ACCOUNTS.ids.values(), *ACCOUNTS.regions)
    files = [file for file in golden.rglob("*") if file.is_file()]
    assert files
    for file in files:
        assert not [fact for fact in ours if fact in file.read_text()], file.name


def _run(clone: Path, module: str, *arguments: str) -> None:
    own = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "COV_", "PYTEST_"))}
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=clone,
        env={**own, "PYTHONPATH": str(clone / "constructs")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{done.stdout[-6000:]}{done.stderr[-2000:]}"
