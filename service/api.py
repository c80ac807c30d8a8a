"""The notes of the API: create, read, list, replace, delete."""

from typing import TypeVar
from uuid import UUID

import msgspec
from starlette.requests import Request

from service import cursor
from service.body import Limits, read_json
from service.cursor import Position
from service.notes import Note, NoteInput, Page, PageQuery
from service.problems import Problem
from service.replies import Reply, json_reply
from service.resources import Operation, Resource
from service.store import NoteStore

T = TypeVar("T")

_PATH = "/v1/notes"
_UNAVAILABLE = 503


class NotesApi:
    """The operations on notes. Errors are raised as Problem."""

    def __init__(self, store: NoteStore, limits: Limits) -> None:
        self._store = store
        self._limits = limits
        self._decoder = msgspec.json.Decoder(NoteInput)

    def resources(self) -> tuple[Resource, ...]:
        create = Operation(
            run=self._create,
            summary="Create a note",
            identity="createNote",
            body=NoteInput,
            answers={201: Note},
            problems=(400, 408, 413, 415, 422, _UNAVAILABLE),
        )
        page = Operation(
            run=self._page,
            summary="List notes, newest first",
            identity="listNotes",
            query=PageQuery,
            answers={200: Page},
            problems=(422, _UNAVAILABLE),
        )
        read = Operation(
            run=self._read,
            summary="Read a note",
            identity="readNote",
            answers={200: Note},
            problems=(404, _UNAVAILABLE),
        )
        replace = Operation(
            run=self._replace,
            summary="Replace a note's title and body",
            identity="replaceNote",
            body=NoteInput,
            answers={200: Note},
            problems=(400, 404, 408, 413, 415, 422, _UNAVAILABLE),
        )
        delete = Operation(
            run=self._delete,
            summary="Delete a note",
            identity="deleteNote",
            answers={204: None},
            problems=(404, _UNAVAILABLE),
        )
        return (
            Resource(_PATH, {"GET": page, "POST": create}),
            Resource(
                f"{_PATH}/{{id}}",
                {"GET": read, "PUT": replace, "DELETE": delete},
                {"id": "uuid"},
            ),
        )

    async def _create(self, request: Request) -> Reply:
        note = await self._store.create(await read_json(request, self._decoder, self._limits))
        return json_reply(note, 201, location=f"{_PATH}/{note.id}")

    async def _page(self, request: Request) -> Reply:
        query = _query(request, PageQuery)
        return json_reply(await self._store.page(query.limit, _position(query.cursor)))

    async def _read(self, request: Request) -> Reply:
        identity = _identity(request)
        return json_reply(_found(await self._store.read(identity), identity))

    async def _replace(self, request: Request) -> Reply:
        identity = _identity(request)
        given = await read_json(request, self._decoder, self._limits)
        return json_reply(_found(await self._store.replace(identity, given), identity))

    async def _delete(self, request: Request) -> Reply:
        identity = _identity(request)
        _found(await self._store.delete(identity) or None, identity)
        return Reply(204)


def _query(request: Request, wanted: type[T]) -> T:
    given = request.query_params
    try:
        return msgspec.convert(dict(given), wanted, strict=False)
    except msgspec.ValidationError as error:
        raise Problem(422, f"The query is wrong: {error}.") from error


def _position(given: str | None) -> Position | None:
    if given is None:
        return None
    try:
        return cursor.decode(given)
    except ValueError as error:
        raise Problem(422, "The cursor must be one that a page of this list named.") from error


def _identity(request: Request) -> UUID:
    given = request.path_params["id"]
    try:
        return msgspec.convert(given, UUID)
    except msgspec.ValidationError as error:
        raise Problem(404, "A note's id is a UUID.") from error


def _found(value: T | None, identity: UUID) -> T:
    if value is None:
        raise Problem(404, f"There is no note {identity}.")
    return value
