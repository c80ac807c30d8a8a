"""Clients that go on whatever happens, and keep what they were told and when."""

import threading
import time
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager

import httpx
import psycopg

from delivery.process import wait_for
from tests.node.cluster import SECONDS
from tests.node.members import TABLE, Members


class Writer:
    """Writes numbers one by one to whoever leads, and keeps when each was acknowledged by whom.

    It looks for the leader among the members or, with `by_service`, behind the Service.
    """

    def __init__(self, members: Members, name: str, *, by_service: bool = False) -> None:
        self.name = name
        self.acknowledged: list[tuple[float, str, int]] = []
        self._members = members
        self._hosts = [] if by_service else list(members.addresses)
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

    def seconds_to_another(self, since: float, old: str) -> float:
        """How long it was until somebody else than `old` acknowledged a row."""

        def first() -> list[float]:
            return [at for at, who, _ in self.acknowledged if at > since and who != old][:1]

        return wait_for(first, SECONDS)[0] - since

    @property
    def lost(self) -> Set[object]:
        return {number for _, _, number in self.acknowledged} - self._members.kept(self.name)

    def _write(self) -> None:
        number = 0
        while not self._done.is_set():
            try:
                with self._members.connect(*self._hosts) as connection:
                    asked = connection.execute("SELECT host(inet_server_addr())").fetchone()
                    assert asked
                    while not self._done.is_set():
                        number += 1
                        row = [self.name, number]
                        connection.execute(f"INSERT INTO {TABLE} VALUES (%s, %s)", row)
                        self.acknowledged.append((time.monotonic(), str(asked[0]), number))
            except psycopg.Error:
                # Nobody leads: whether that row is there is unknown, as it is for any client.
                self._hosts = self._hosts and list(self._members.addresses)
                self._done.wait(0.1)


class Visitor:
    """Writes notes by web pods in turn, over a new connection each, and keeps when it couldn't."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self.failed: list[tuple[float, str]] = []
        self._addresses = addresses
        self._done = threading.Event()

    @contextmanager
    def going_on(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._write, args=[one]) for one in self._addresses]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._done.set()
            for thread in threads:
                thread.join()

    def seconds_until_all_is_well(self, since: float) -> float:
        """How long requests failed."""
        return max((at for at, _ in self.failed), default=since) - since

    def _write(self, address: str) -> None:
        while not self._done.is_set():
            try:
                note = {"title": "written whatever happens"}
                said = httpx.post(f"http://{address}:7777/v1/notes", json=note, timeout=20)
                problem = "" if said.status_code == 201 else f"{said.status_code} {said.text}"
            except httpx.HTTPError as error:
                problem = repr(error)
            if problem:
                self.failed.append((time.monotonic(), problem))
            self._done.wait(0.1)
