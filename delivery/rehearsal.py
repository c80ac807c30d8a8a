"""A roll-out and a roll-back of migrations, beside a PostgreSQL of its own."""

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine

from delivery import picture, rows
from delivery.exercise import ask, exercise, traffic
from delivery.postgres import Postgres
from delivery.process import Service, environment, run, running, wait_for
from delivery.schema import first_difference

ROWS = 2000
STATEMENT_SECONDS = 1.0
"""How long the old code may wait for a lock that an upgrade holds."""


class MigrationTestError(Exception):
    """The migrations must not be released; the message says why in a sentence."""


class MigrationTest:
    """One run: from the release in `old` to that in `new`, two folders that each hold service/.

    The database is one that `prepare` made.
    """

    def __init__(
        self,
        server: Postgres,
        database: str,
        old: Path,
        new: Path,
        say: Callable[[str], object] = print,
    ) -> None:
        self._server = server
        self._database = database
        self._url = server.url(database)
        self._old = old
        self._new = new
        self._say = say

    def run(self) -> None:
        """Raises MigrationTestError or ExerciseError at the first thing that is wrong."""
        schema, data = self._schema(), self._data()
        revision = self._revision()
        self._say(f"The last release's schema is at {revision}, with {ROWS} rows a table.")
        if (head := _head(self._new)) < revision:
            raise MigrationTestError(
                f"The last release's migrations end at {revision}, this one's at {head}: a revert "
                "keeps service/migrations and schema.py, or the next would take their numbers."
            )

        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            old = self._serve(stack, self._old, folder / "old", "old")
            with traffic(old, "old") as problems:
                self._migrate(self._new, "head")
            self._none(problems, "while the upgrade ran")
            upgraded = self._schema()
            now = self._data()
            self._none(list(picture.differences(data, now)), "after the upgrade")
            # What the upgrade dropped, no downgrade can fill again.
            kept = picture.common(data, now)
            self._say(f"Upgraded to {self._revision()} under traffic; every row is as it was.")

            new = self._serve(stack, self._new, folder / "new", "new")
            for writer, reader, names in (
                (old, new, ("old", "new")),
                (new, old, ("new", "old")),
            ):
                exercise(writer, reader, names)
            self._say("Old and new code read and write side by side.")
            witness = ask(new, "new", "POST", "/v1/notes", 201, {"title": "witness"})
            new.stop()

            with traffic(old, "old") as problems:
                self._migrate(self._new, revision, "--down")
            self._none(problems, "while the downgrade ran")
            if difference := first_difference(schema, self._schema()):
                raise MigrationTestError(f"The downgrade leaves another schema: {difference}")
            path = f"/v1/notes/{witness['id']}"
            for method, status in (("GET", 200), ("DELETE", 204)):
                ask(old, "old", method, path, status)
            self._none(list(picture.differences(kept, self._data())), "after the downgrade")
            exercise(old, old, ("old", "old"))
            self._say(
                f"Downgraded to {revision}: the schema is as before, and so are rows in what the "
                "upgrade kept; the old code works."
            )

        self._migrate(self._new, "head")
        if difference := first_difference(upgraded, self._schema()):
            raise MigrationTestError(f"A second upgrade makes another schema: {difference}")
        self._say("Upgraded again, to the same schema.")

    def _migrate(self, root: Path, revision: str, *options: str) -> None:
        _migrate(self._url, root, revision, *options)

    def _serve(self, stack: ExitStack, root: Path, log: Path, name: str) -> Service:
        settings = {"DATABASE_STATEMENT_SECONDS": STATEMENT_SECONDS}
        try:
            env = environment(self._url, **settings)
            service = stack.enter_context(running(log, env, root))
        except ChildProcessError as error:
            last = str(error).splitlines()[-1]
            raise MigrationTestError(f"The {name} code did not start: {last}") from error
        except TimeoutError as error:
            raise MigrationTestError(f"The {name} code did not come to listen.") from error
        try:
            wait_for(service.ready, 10)
        except TimeoutError as error:
            why = service.client.get("/readyz").json()["detail"]
            raise MigrationTestError(f"The {name} code did not get ready: {why}") from error
        return service

    @staticmethod
    def _none(problems: list[str], when: str) -> None:
        if problems:
            raise MigrationTestError(f"{problems[0].rstrip('.')}, {when}.")

    def _data(self) -> picture.Picture:
        with _connection(self._url) as connection:
            return picture.take(connection)

    def _revision(self) -> str:
        with _connection(self._url) as connection:
            found = connection.exec_driver_sql("SELECT version_num FROM alembic_version")
            return str(found.scalar_one())

    def _schema(self) -> str:
        return self._server.dump(self._database, "--schema-only")


def prepare(server: Postgres, database: str, old: Path) -> None:
    """Make the database of the release in `old`, with rows. Raises MigrationTestError."""
    url = server.create_database(database)
    _migrate(url, old, "head")
    with _connection(url) as connection:
        rows.generate(connection, ROWS)


def _migrate(url: str, root: Path, revision: str, *options: str) -> None:
    way = "downgrade" if options else "upgrade"
    try:
        done = run("service.migrate", *options, revision, env=environment(url), root=root)
    except subprocess.TimeoutExpired as error:
        raise MigrationTestError(
            f"The {way} to {revision} did not end within {error.timeout:g} s."
        ) from error
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1]
        raise MigrationTestError(f"The {way} to {revision} failed: {last}")


def _head(root: Path) -> str:
    """Return the last revision of a release; they are numbers of equal length."""
    config = Config()
    config.set_main_option("script_location", str(root / "service" / "migrations"))
    return ScriptDirectory.from_config(config).get_current_head() or ""


@contextmanager
def _connection(url: str) -> Iterator[Connection]:
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()
