"""What those who run the service ask it: alive, ready, what it answers."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.requests import Request

from service import openapi
from service.database import Database, DatabaseUnavailable
from service.problems import Problem
from service.replies import Reply
from service.resources import Operation, Resource


class Status(msgspec.Struct, frozen=True):
    """That all is well."""

    status: str = "ok"


class OperationsApi:
    """Health, readiness and the API's document."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._document = b""
        self.draining = asyncio.Event()
        """Set when the service is about to end: it goes on serving, but asks for no more."""

    def resources(self, api: Sequence[Resource]) -> tuple[Resource, ...]:
        """Return the paths, of which one tells about them and those of `api`."""
        own = (
            _only("/healthz", self._healthz, "Say that the process lives", "health", Status),
            _only("/readyz", self._readyz, "Say whether to send requests", "ready", Status, 503),
            _only("/openapi.json", self._openapi, "Describe this API", "openapi", dict),
        )
        self._document = msgspec.json.encode(openapi.document([*api, *own]))
        return own

    async def _healthz(self, request: Request) -> Reply:
        return _OK

    async def _readyz(self, request: Request) -> Reply:
        if self.draining.is_set():
            raise Problem(503, "The service is about to end.", {"retry-after": "1"})
        try:
            problem = await self._database.schema_problem()
        except DatabaseUnavailable as error:
            raise Problem(503, "The database can't be reached.", {"retry-after": "5"}) from error
        if problem:
            raise Problem(503, problem, {"retry-after": "5"})
        return _OK

    async def _openapi(self, request: Request) -> Reply:
        return Reply(200, self._document)


_OK = Reply(200, msgspec.json.encode(Status()))


def _only(
    path: str, run: Any, summary: str, identity: str, answer: type, *problems: int
) -> Resource:
    operation = Operation(
        run=run,
        summary=summary,
        identity=identity,
        answers={200: answer},
        problems=problems,
    )
    return Resource(path, {"GET": operation})
