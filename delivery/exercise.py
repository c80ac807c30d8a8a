"""What clients do with the API, to see whether two releases agree."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from delivery.process import Service


class ExerciseError(Exception):
    """A release did not do what its API promises; the message says which and what."""


def exercise(writer: Service, reader: Service, names: tuple[str, str]) -> None:
    """Write through one release, read through the other. Raises ExerciseError."""
    writing, reading = names
    for body in (
        {"title": "exercise"},
        {"title": "exercise", "body": "a body"},
        {"title": "漢" * 200},
    ):
        note = ask(writer, writing, "POST", "/v1/notes", 201, body)
        _same(note, body, writing)
        path = f"/v1/notes/{note['id']}"
        _same(ask(reader, reading, "GET", path, 200), note, reading)
        page = ask(reader, reading, "GET", "/v1/notes?limit=10", 200)
        if note["id"] not in [one["id"] for one in page["items"]]:
            raise ExerciseError(f"The {reading} code does not list what the {writing} wrote.")
        changed = ask(writer, writing, "PUT", path, 200, {"title": "changed", "body": "too"})
        _same(ask(reader, reading, "GET", path, 200), changed, reading)
        ask(reader, reading, "DELETE", path, 204)
        ask(writer, writing, "GET", path, 404)


@contextmanager
def traffic(service: Service, name: str) -> Iterator[list[str]]:
    """Use a release all the while; lend the list of what went wrong."""
    problems: list[str] = []
    end = threading.Event()

    def use() -> None:
        while not end.is_set():
            try:
                note = ask(
                    service, name, "POST", "/v1/notes", 201, {"title": "traffic", "body": "traffic"}
                )
                ask(service, name, "GET", f"/v1/notes/{note['id']}", 200)
                ask(service, name, "DELETE", f"/v1/notes/{note['id']}", 204)
            except ExerciseError as error:
                problems.append(str(error))
                # It may be lost for as long as a lock lasts.
                time.sleep(0.1)

    thread = threading.Thread(target=use)
    thread.start()
    try:
        yield problems
    finally:
        end.set()
        thread.join()


def ask(
    service: Service, name: str, method: str, path: str, status: int, body: Any = None
) -> dict[str, Any]:
    """Return the answer's body. Raises ExerciseError unless its status is `status`."""
    try:
        answer = service.client.request(method, path, json=body)
    except httpx.HTTPError as error:
        raise ExerciseError(f"The {name} code did not answer {method} {path}: {error}.") from error
    if answer.status_code != status:
        why = ""
        for line in service.lines():
            if line.get("request_id") == answer.headers.get("x-request-id") and "error" in line:
                why = f" ({_cause(line['error'])})"
        raise ExerciseError(
            f"The {name} code answered {method} {path.partition('?')[0]} with "
            f"{answer.status_code} instead of {status}{why}."
        )
    found: dict[str, Any] = answer.json() if answer.content else {}
    return found


def _cause(error: str) -> str:
    """Return the line of a traceback that says what PostgreSQL said, else the last."""
    lines = error.strip().splitlines()
    return next((line for line in lines if line.startswith("psycopg.")), lines[-1])


def _same(found: dict[str, Any], wanted: dict[str, Any], name: str) -> None:
    """Compare what both releases know."""
    for key in found.keys() & wanted.keys():
        if found[key] != wanted[key]:
            raise ExerciseError(
                f"The {name} code reads {key!r} as {found[key]!r}; {wanted[key]!r} was written."
            )
