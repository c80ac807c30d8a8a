"""Who uses an environment while `delivery.load` measures it: what Locust runs, as a process.

Each user has one note of its own, reads and changes it and lists all, at a rate that does not
depend on the answers as long as they come in time. Nothing of it stays.
"""

import json
import math
import os
from pathlib import Path
from typing import Any

from locust import FastHttpUser, LoadTestShape, constant_throughput, events, task
from locust.env import Environment

from delivery.ramp import Ramp

RAMP = Ramp.read(os.environ)
RESULT = Path(os.environ["LOAD_RESULT"])
_PARENT = os.getppid()


class NotesUser(FastHttpUser):
    """One client on a kept connection."""

    wait_time = constant_throughput(RAMP.rate)
    # Locust's own default takes any certificate.
    insecure = False
    connection_timeout = network_timeout = 10.0
    max_retries = 0

    def on_start(self) -> None:
        self._path = ""
        self._create()

    def on_stop(self) -> None:
        if self._path:
            self.client.delete(self._path, name="/v1/notes/{id}")

    @task(8)
    def read(self) -> None:
        if not self._path:
            self._create()
            return
        with self.client.get(self._path, name="/v1/notes/{id}", catch_response=True) as answer:
            if answer.status_code == 200 and not _is_note(answer.text, self._path):
                answer.failure("It answered with something else than the note.")

    @task(2)
    def change(self) -> None:
        if self._path:
            self.client.put(
                self._path, json={"title": "load", "body": "x" * 500}, name="/v1/notes/{id}"
            )

    @task(2)
    def page(self) -> None:
        self.client.get("/v1/notes?limit=20", name="/v1/notes")

    def _create(self) -> None:
        with self.client.post("/v1/notes", json={"title": "load"}, catch_response=True) as answer:
            if answer.status_code == 201:
                self._path = answer.headers.get("location", "")
                if not self._path:
                    answer.failure("It did not say where the note is.")


def _is_note(text: str | None, path: str) -> bool:
    """Return whether it is the note of that path; Locust doesn't count what raises instead."""
    try:
        return bool(json.loads(text or "")["id"] == path.rpartition("/")[2])
    except (ValueError, LookupError, TypeError):
        return False


class Shape(LoadTestShape):
    """The ramp; it also ends when the command that started it is no more."""

    def tick(self) -> tuple[int, float] | None:
        second = self.get_run_time()  # type: ignore[no-untyped-call] # Locust says no type here
        users = RAMP.users_at(second)
        if users == 0 or os.getppid() != _PARENT:
            return None
        return users, float(math.ceil(RAMP.users / RAMP.ramp_seconds))


@events.quitting.add_listener  # type: ignore[untyped-decorator]
def write(environment: Environment, **_: Any) -> None:
    stats = environment.stats
    result = {
        "total": stats.total.to_dict(),
        "operations": [one.to_dict() for one in stats.entries.values()],
        "errors": [
            {
                "method": one.method,
                "name": one.name,
                "error": str(one.error),
                "occurrences": one.occurrences,
            }
            for one in stats.errors.values()
        ],
    }
    RESULT.write_text(json.dumps(result))
