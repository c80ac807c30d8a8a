"""Three members as the database's chart makes them, on this machine."""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from delivery.process import wait_for
from tests.image.cluster import SECONDS
from tests.image.images import Image
from tests.image.kubernetes import NAMESPACE, Kubernetes
from tests.image.member import Member, begin, started
from tests.image.repository import Repository


class Members:
    """The members of one cluster, which start on what is in their volumes."""

    def __init__(
        self,
        database: Image,
        kubernetes: Kubernetes,
        repository: Repository,
        addresses: Sequence[str],
        folder: Path,
    ) -> None:
        self._database = database
        self._kubernetes = kubernetes
        self._repository = repository
        self._running: dict[str, ExitStack] = {}
        self.all = [
            Member(address, folder / str(number), f"database-{number}")
            for number, address in enumerate(addresses)
        ]
        for one in self.all:
            one.settings.parent.mkdir(parents=True)
            # Members of one cluster mount the same.
            one.passwords = self.all[0].passwords

    def start(self) -> None:
        """Have all of them follow one."""
        begin(self._kubernetes)
        for one in self.all:
            self.run(one)
        try:
            wait_for(self.whole, SECONDS)
        except Exception as error:
            raise AssertionError("\n".join(self.logs())) from error

    def run(self, one: Member) -> None:
        """Have one run on its volume, as a StatefulSet does whose pod is gone."""
        if one.name in self._running:
            self._running[one.name].close()
        made = started(one, self._database, self._kubernetes, self._repository)
        self._running[one.name] = ExitStack()
        self._running[one.name].enter_context(made)

    def lose(self) -> None:
        """End all of them at once, with their volumes, their pods and what they elected."""
        self.close()
        plane = self._kubernetes.plane
        plane.kubectl("-n", NAMESPACE, "delete", "pod", "--all", "--now")
        for one in self.all:
            one.volume.rename(one.volume.with_name("lost"))
        plane.kubectl("-n", NAMESPACE, "delete", "configmap", "--selector=app.kubernetes.io/name")

    def rotate(self) -> None:
        """Have other passwords mounted, as those are whose stack was made anew."""
        self.all[0].rotate()
        for one in self.all:
            one.passwords = self.all[0].passwords
            one.mount()

    def close(self) -> None:
        for one in self._running.values():
            one.close()

    @property
    def leader(self) -> Member:
        named = self._kubernetes.pods(role="primary")
        (found,) = (one for one in self.all if one.name in named)
        return found

    def named(self, pod: str) -> Member:
        """The member of a pod, such as pod/database-0."""
        (found,) = (one for one in self.all if one.name == pod.strip().removeprefix("pod/"))
        return found

    def whole(self) -> bool:
        """Whether all others stream from one, on its timeline, and one of them may take over."""
        shown = self._shown()
        return sorted(one["Role"] for one in shown) == ["Leader", "Replica", "Sync Standby"] and (
            len({one.get("TL") for one in shown}) == 1
            and sorted(one["State"] for one in shown) == ["running", "streaming", "streaming"]
        )

    @property
    def timeline(self) -> int:
        (leader,) = (one["TL"] for one in self._shown() if one["Role"] == "Leader")
        return int(leader)

    def sql(self, statement: str, database: str = "app") -> list[str]:
        """The lines of an answer that the leader gives to its superuser."""
        psql = ("psql", "--no-psqlrc", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1")
        command = (*psql, f"--dbname={database}", f"--command={statement}")
        done = self.leader.container.exec(*command)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    def logs(self) -> list[str]:
        return [f"{one.name}: {one.log.read_text()[-3000:]}" for one in self.all]

    def _shown(self) -> list[dict[str, str]]:
        done = self.all[0].container.exec("patronictl", "list", "--format=json")
        found: list[dict[str, str]] = json.loads(done.stdout) if done.returncode == 0 else []
        return found
