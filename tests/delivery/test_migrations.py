import re
import shutil
import subprocess
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from delivery import migration_lint, migration_test, process, rehearsal
from delivery.exercise import ExerciseError
from delivery.postgres import Postgres
from delivery.process import ROOT, wait_for
from delivery.rehearsal import MigrationTest, MigrationTestError, prepare

CASES = Path(__file__).with_name("migrations")
GOOD = sorted(path.stem for path in (CASES / "good").glob("*.py"))
CONTRACTIONS = {
    name: (CASES / "good" / f"{expanded}.py", CASES / "contractions" / f"{name}.py")
    for name, expanded in (("drops_column", "optional_column"), ("drops_table", "new_table"))
}
"""Each with the expansion before it."""
_numbers = count()

REFUSED = {
    # By the lint's first rule that is against it, and by the migration test's sentence. None:
    # it can't be told there.
    "drops_column": ("ban-drop-column", "The old code answered .* with 500"),
    "renames_column": ("renaming-column", "The old code answered .* with 500"),
    "renames_table": ("renaming-table", "The old code answered .* with 500 .*UndefinedTable"),
    "required_column": ("adding-required-field", "The upgrade to head failed: .* null values"),
    "required_later": ("adding-not-nullable-field", "The old code answered .* with 500"),
    "unique_over_data": ("disallowed-unique-constraint", "could not create unique index"),
    "check_that_old_code_fails": (None, "The old code answered .* with 500"),
    "index_that_locks": ("require-concurrent-index-creation", None),
    "constraint_that_locks": ("constraint-missing-not-valid", None),
    "changes_type": ("changing-column-type", "cached plan must not change|with other values"),
    "changes_rows": ("changes-rows", "Table notes has .* rows with other values than before"),
    "calls_a_function": ("hides", "Table notes has .* rows with other values than before"),
    "deletes_rows": ("changes-rows", "Table notes had 2000 rows and has"),
    "no_way_down": ("downgrade does nothing", "The downgrade leaves another schema"),
    "half_way_down": (None, "The downgrade leaves another schema: .*owners.* is new"),
    "holds_a_lock": ("locks-table", "The old code answered .* with 503 .* while the upgrade ran"),
    "trigger_that_changes_writes": (None, "The old code reads 'body' as 'A BODY'"),
    "fills_column": ("changes-rows", None),
    "default_that_rewrites": ("adding-field-with-default", None),
    "waits_for_locks": ("waits-for-locks", None),
    "reads_the_database": ("can't be told without a database", None),
}


@pytest.fixture(scope="module")
def server(postgres: Postgres) -> Postgres:
    """A server whose database `last_release` is as the service in this commit makes it."""
    prepare(postgres, "last_release", ROOT)
    return postgres


@pytest.fixture
def release(tmp_path: Path) -> Callable[..., Path]:
    """Make a release of the service with further migrations; return its folder."""

    def release(*migrations: Path) -> Path:
        root = tmp_path / f"release{next(_numbers)}"
        shutil.copytree(ROOT / "service", root / "service")
        for migration in migrations:
            shutil.copy(migration, root / "service" / "migrations" / "versions")
        return root

    return release


def rehearse(server: Postgres, old: Path, new: Path) -> None:
    database = f"rehearsal{next(_numbers)}"
    server.create_database(database, "last_release")
    MigrationTest(server, database, old, new).run()


def test_every_bad_migration_is_listed_here_and_caught_somewhere() -> None:
    assert set(REFUSED) == {path.stem for path in (CASES / "bad").glob("*.py")}
    assert all(any(by) for by in REFUSED.values())


@pytest.mark.parametrize("name", [name for name, (rule, _) in REFUSED.items() if rule])
def test_the_lint_refuses(release: Callable[..., Path], name: str) -> None:
    problems = list(migration_lint.lint(release(CASES / "bad" / f"{name}.py"), since="0001"))
    rule = REFUSED[name][0]
    assert rule is not None
    assert any(rule in problem.sentence for problem in problems), problems
    assert {problem.revision for problem in problems} == {"0002"}


@pytest.mark.parametrize("name", [name for name, (_, sentence) in REFUSED.items() if sentence])
def test_the_migration_test_refuses(
    release: Callable[..., Path], server: Postgres, name: str
) -> None:
    sentence = REFUSED[name][1]
    assert sentence is not None
    with pytest.raises((MigrationTestError, ExerciseError), match=re.compile(sentence, re.S)):
        rehearse(server, release(), release(CASES / "bad" / f"{name}.py"))


def test_a_migration_that_does_not_end_is_refused(
    release: Callable[..., Path], server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*words: str, **_: object) -> None:
        raise subprocess.TimeoutExpired(words, 300)

    monkeypatch.setattr(rehearsal, "run", run)
    with pytest.raises(MigrationTestError, match="The upgrade to head did not end within 300 s"):
        rehearse(server, release(), release())


@pytest.mark.parametrize("name", GOOD)
def test_a_good_migration_passes_the_lint(release: Callable[..., Path], name: str) -> None:
    assert list(migration_lint.lint(release(CASES / "good" / f"{name}.py"), since="0001")) == []


@pytest.mark.parametrize("name", CONTRACTIONS)
def test_a_contraction_passes_once_it_says_since_when(
    release: Callable[..., Path], tmp_path: Path, name: str
) -> None:
    expanded, contraction = CONTRACTIONS[name]
    assert list(migration_lint.lint(release(expanded, contraction), since="0001")) == []
    silent = tmp_path / contraction.name
    silent.write_text(contraction.read_text().replace("contracts", "# contracts"))
    problems = list(migration_lint.lint(release(expanded, silent), since="0001"))
    assert any(f"ban-{name.replace('drops_', 'drop-')}" in one.sentence for one in problems)


@pytest.mark.parametrize("name", CONTRACTIONS)
def test_a_contraction_passes_the_migration_test(
    postgres: Postgres, release: Callable[..., Path], name: str
) -> None:
    """What it dropped had values, which no way back can bring."""
    expanded, contraction = CONTRACTIONS[name]
    old = release(expanded)
    prepare(postgres, name, old)
    MigrationTest(postgres, name, old, release(expanded, contraction)).run()


@pytest.mark.parametrize(
    "statement",
    ["CLUSTER notes USING notes_pkey", "VACUUM FULL notes", "ALTER TABLE notes SET TABLESPACE t"],
)
def test_a_contraction_may_not_rewrite_a_table(
    release: Callable[..., Path], tmp_path: Path, statement: str
) -> None:
    expanded, contraction = CONTRACTIONS["drops_column"]
    rewriting = tmp_path / contraction.name
    stands = 'op.drop_column("notes", "owner")'
    rewriting.write_text(contraction.read_text().replace(stands, f"op.execute({statement!r})"))
    problems = list(migration_lint.lint(release(expanded, rewriting), since="0001"))
    assert any("rewrites-table" in problem.sentence for problem in problems), problems


def test_code_that_needs_a_migration_that_is_not_there_is_refused(
    release: Callable[..., Path], server: Postgres
) -> None:
    new = release()
    schema = new / "service" / "schema.py"
    schema.write_text(
        schema.read_text().replace('REQUIRED_REVISION = "0001"', 'REQUIRED_REVISION = "0002"')
    )
    with pytest.raises(
        MigrationTestError, match=r"The new code did not get ready: .* must be 0002"
    ):
        rehearse(server, release(), new)


def test_a_release_that_takes_a_migration_away_is_refused(
    postgres: Postgres, release: Callable[..., Path]
) -> None:
    old = release(CASES / "good" / "optional_column.py")
    prepare(postgres, "reverted", old)
    with pytest.raises(MigrationTestError, match=r"end at 0002, this one's at 0001: a revert"):
        MigrationTest(postgres, "reverted", old, release()).run()


def test_code_that_does_not_start_is_refused(
    release: Callable[..., Path], server: Postgres
) -> None:
    new = release()
    (new / "service" / "server.py").write_text("import nothing_of_this_name\n")
    with pytest.raises(MigrationTestError, match=r"The new code did not start: .*nothing_of_this"):
        rehearse(server, release(), new)


def test_code_that_does_not_listen_is_refused(
    release: Callable[..., Path], server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = release()
    (new / "service" / "__main__.py").write_text("import time\n\ntime.sleep(60)\n")

    # The old code's, then the new one's.
    patience = iter((20.0, 1.0))

    def wait(condition: Callable[[], object]) -> object:
        return wait_for(condition, next(patience))

    monkeypatch.setattr(process, "wait_for", wait)
    with pytest.raises(MigrationTestError, match="The new code did not come to listen"):
        rehearse(server, release(), new)


@pytest.mark.parametrize(
    ("revision", "before", "sentence"),
    [
        ("0003", "0001", "must be '0002' after '0001'"),
        ("abcd", "0001", "must be '0002' after '0001'"),
        ("0002", None, "must be '0002' after"),
    ],
)
def test_the_lint_refuses_what_is_not_one_line_of_numbers(
    release: Callable[..., Path], tmp_path: Path, revision: str, before: str | None, sentence: str
) -> None:
    migration = tmp_path / "wrong.py"
    text = (CASES / "good" / "optional_column.py").read_text()
    text = text.replace('revision = "0002"', f"revision = {revision!r}", 1)
    text = text.replace('down_revision = "0001"', f"down_revision = {before!r}")
    migration.write_text(text)
    problems = list(migration_lint.lint(release(migration), since="0001"))
    assert any(sentence in problem.sentence for problem in problems), problems


def test_the_lint_refuses_two_of_one_revision(release: Callable[..., Path]) -> None:
    """As two branches have it that each added one."""
    both = release(CASES / "good" / "optional_column.py", CASES / "good" / "concurrent_index.py")
    (problem,) = migration_lint.lint(both, since="0001")
    assert "Revision 0002 is present more than once" in problem.sentence


@pytest.mark.parametrize(
    ("stands", "other", "sentence"),
    [
        ('down_revision = "0001"', 'down_revision = "0009"', "Revision 0009 referenced"),
        ('down_revision = "0001"', 'down_revision = "0002"', "not one line"),
        ("import sqlalchemy", "import nothing_of_this_name", "nothing_of_this_name"),
        ("def upgrade", "def", "SyntaxError"),
        ("def upgrade", "def up", "can't be told without a database"),
        ("    op.add_column", "    raise SystemExit(0)\n    op.add_column", "can't be told"),
        ("import sqlalchemy", 'contracts = "next"\nimport sqlalchemy', "contracts is 'next'"),
    ],
)
def test_the_lint_refuses_what_cannot_be_read(
    release: Callable[..., Path], tmp_path: Path, stands: str, other: str, sentence: str
) -> None:
    migration = tmp_path / "wrong.py"
    text = (CASES / "good" / "optional_column.py").read_text()
    assert stands in text
    migration.write_text(text.replace(stands, other, 1))
    problems = list(migration_lint.lint(release(migration), since="0001"))
    assert any(sentence in problem.sentence for problem in problems), problems


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--since", "0002"], "'0002' is none of the revisions"),
        (["--since", "v0.1.0"], "'v0.1.0' is none of the revisions"),
        (["--root", "no-such-folder"], "no migrations of a service in no-such-folder"),
    ],
)
def test_the_lint_says_when_it_cannot_tell(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert migration_lint.main(arguments) == 2
    assert sentence in capsys.readouterr().out


def test_the_service_s_own_migrations_pass_by_the_commands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert migration_lint.main([]) == 0
    assert "no big table" in capsys.readouterr().out


def test_good_migrations_pass_and_a_bad_one_after_them_fails_by_the_command(
    release: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """All in one release, each from the file's own revision moved to its place."""

    def unpack(_: str, folder: Path) -> None:
        shutil.copytree(ROOT / "service", folder / "service")

    monkeypatch.setattr(migration_test, "unpack", unpack)
    moved = [
        at(CASES / "good" / f"{name}.py", number, tmp_path) for number, name in enumerate(GOOD, 2)
    ]
    monkeypatch.setattr(migration_test, "ROOT", release(*moved))
    assert migration_test.main(["--from", "a tag"]) == 0
    said = capsys.readouterr().out
    assert f"Upgraded to {len(GOOD) + 1:04} under traffic" in said
    assert said.endswith("PASSED\n")

    moved.append(at(CASES / "bad" / "required_column.py", len(GOOD) + 2, tmp_path))
    monkeypatch.setattr(migration_test, "ROOT", release(*moved))
    assert migration_test.main(["--from", "a tag"]) == 1
    assert "FAILED: The upgrade to head failed" in capsys.readouterr().out


def at(migration: Path, number: int, folder: Path) -> Path:
    """Return the migration as revision `number`, for a line of several."""
    text = migration.read_text()
    text = text.replace('revision = "0002"', f'revision = "{number:04}"', 1)
    moved = folder / f"{number:04}_{migration.name}"
    moved.write_text(
        text.replace('down_revision = "0001"', f'down_revision = "{number - 1:04}"', 1)
    )
    return moved
