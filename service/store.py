"""Notes in PostgreSQL: one statement an operation, so each is done wholly or not at all."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import (
    ARRAY,
    Row,
    Uuid,
    any_,
    bindparam,
    delete,
    func,
    insert,
    select,
    tuple_,
    update,
)

from service import cursor
from service.batch import Batch
from service.cursor import Position
from service.database import Database, DatabaseUnavailable
from service.notes import Note, NoteInput, Page
from service.schema import notes

_columns = (notes.c.id, notes.c.title, notes.c.body, notes.c.created_at, notes.c.updated_at)
"""By name: a column that a newer release added must not reach this one."""

_insert = insert(notes).returning(*_columns)
_by_ids = select(*_columns).where(notes.c.id == any_(bindparam("ids", type_=ARRAY(Uuid))))
_update = update(notes).where(notes.c.id == bindparam("key")).returning(*_columns)
_delete = delete(notes).where(notes.c.id == bindparam("key"))
_order = (notes.c.created_at.desc(), notes.c.id.desc())
_first_page = select(*_columns).order_by(*_order).limit(bindparam("count"))
_next_page = _first_page.where(
    tuple_(notes.c.created_at, notes.c.id)
    < tuple_(bindparam("after", type_=notes.c.created_at.type), bindparam("key", type_=Uuid()))
)


class NoteStore:
    """The notes. Every method raises DatabaseUnavailable; a note that is returned is on disk."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reads = Batch(self._fetch, patience=database.wait_seconds)

    async def create(self, given: NoteInput) -> Note:
        now = func.now()
        values = {"id": uuid4(), "title": given.title, "body": given.body}
        statement = _insert.values(created_at=now, updated_at=now)
        async with self._database.connection() as connection:
            return _note((await connection.execute(statement, values)).one())

    async def read(self, identity: UUID) -> Note | None:
        try:
            return await self._reads.get(identity)
        except TimeoutError as error:
            raise DatabaseUnavailable(str(error)) from error

    async def page(self, limit: int, after: Position | None) -> Page:
        """Return a page of as many notes, newest first."""
        values: dict[str, UUID | datetime | int] = {"count": limit + 1}
        statement = _first_page
        if after is not None:
            values |= {"after": after.created_at, "key": after.id}
            statement = _next_page
        async with self._database.connection() as connection:
            items = [_note(row) for row in await connection.execute(statement, values)]
        if len(items) <= limit:
            return Page(items, None)
        last = items[limit - 1]
        return Page(items[:limit], cursor.encode(Position(last.created_at, last.id)))

    async def replace(self, identity: UUID, given: NoteInput) -> Note | None:
        statement = _update.values(title=given.title, body=given.body, updated_at=func.now())
        async with self._database.connection() as connection:
            row = (await connection.execute(statement, {"key": identity})).one_or_none()
        return None if row is None else _note(row)

    async def delete(self, identity: UUID) -> bool:
        """Return whether there was such a note."""
        async with self._database.connection() as connection:
            return (await connection.execute(_delete, {"key": identity})).rowcount == 1

    async def _fetch(self, keys: Sequence[UUID]) -> Mapping[UUID, Note]:
        async with self._database.connection() as connection:
            rows = (await connection.execute(_by_ids, {"ids": list(keys)})).all()
        return {row.id: _note(row) for row in rows}


def _note(row: Row[UUID, str, str, datetime, datetime]) -> Note:
    return Note(*row)
