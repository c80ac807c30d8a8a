"""A cluster of three members, and a client that writes to it whatever happens."""

import threading
from contextlib import ExitStack

import psycopg

from delivery.process import wait_for
from tests.image.container import Container
from tests.image.kubernetes import Kubernetes
from tests.image.patroni import Database

MEMBERS = 3
SECONDS = 90.0


class Cluster:
    """Three members, and who of them leads by the label that the primary Service selects."""

    def __init__(self, database: Database, kubernetes: Kubernetes) -> None:
        self.database = database
        self._kubernetes = kubernetes
        self._members: dict[int, ExitStack] = {}
        self._containers: dict[int, Container] = {}

    def start(self, number: int) -> None:
        self._members[number] = ExitStack()
        member = self._members[number].enter_context(self.database.member(number))
        self._containers[number] = member

    def close(self) -> None:
        for member in self._members.values():
            member.close()

    def __getitem__(self, number: int) -> Container:
        return self._containers[number]

    @property
    def leader(self) -> int:
        """Who leads and takes writes."""
        return wait_for(self._leader, SECONDS)[0]

    def whole(self) -> bool:
        """Whether both others stream from the leader, and one of them may take over from it.

        PostgreSQL replicates synchronously seconds before Patroni has recorded it. A leader that
        ends in between must come back itself: nobody else is known to have every row.
        """
        streaming = "pg_stat_replication WHERE state = 'streaming'"
        found = self.sql(f"SELECT sync_state FROM {streaming} ORDER BY 1 DESC")
        leader = f"main-{self.leader}"
        return found == ["sync", "async"] and bool(self._kubernetes.successor("main", leader))

    def sql(self, statement: str, database: str = "postgres") -> list[str]:
        """The lines of an answer that the leader gives to its superuser."""
        psql = ["psql", "--no-psqlrc", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]
        done = self[self.leader].exec(*psql, f"--dbname={database}", f"--command={statement}")
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    def _leader(self) -> list[int]:
        labels = {"cluster-name": "main", "role": "primary"}
        numbers = [int(name.rpartition("-")[2]) for name in self._kubernetes.pods(**labels)]
        return [number for number in numbers if self._writable(number)]

    def _writable(self, number: int) -> bool:
        try:
            self.database.connect(number, target_session_attrs="read-write").close()
        except psycopg.OperationalError as error:
            # Before there is a role "app", its superuser may still make it.
            return "password authentication failed" in str(error)
        return True


class Writer:
    """Writes numbers one by one to whoever leads, and keeps those that were acknowledged."""

    def __init__(self, database: Database, table: str) -> None:
        self.acknowledged: list[int] = []
        self._database = database
        self._insert = f"INSERT INTO {table} VALUES (%s)"
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> "Writer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def progresses(self) -> None:
        """Return when more has been acknowledged."""
        before = len(self.acknowledged)
        wait_for(lambda: len(self.acknowledged) > before + 20, SECONDS)

    def _write(self) -> None:
        number = 0
        while not self._done.is_set():
            try:
                with self._connect() as connection:
                    while not self._done.is_set():
                        number += 1
                        connection.execute(self._insert, [number])
                        self.acknowledged.append(number)
            except psycopg.Error:
                # Nobody leads: whether that row is there is unknown, as it is for any client.
                self._done.wait(0.1)

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        for number in range(MEMBERS):
            try:
                return self._database.connect(number, target_session_attrs="read-write")
            except psycopg.OperationalError:
                continue
        raise psycopg.OperationalError
