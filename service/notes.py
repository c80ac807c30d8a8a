"""What a note is: the resource of the API."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

# PostgreSQL's text holds every character but this one.
_WITHOUT_NUL = r"^[^\x00]*$"


class NoteInput(Struct, frozen=True, forbid_unknown_fields=True):
    """What a client writes."""

    title: Annotated[str, Meta(min_length=1, max_length=200, pattern=_WITHOUT_NUL)]
    body: Annotated[str, Meta(max_length=4000, pattern=_WITHOUT_NUL)] = ""


class Note(Struct, frozen=True):
    """What a client reads."""

    id: UUID
    title: str
    body: str
    created_at: datetime
    updated_at: datetime


class Page(Struct, frozen=True):
    """Some notes, newest first, and the cursor of the next page if there is one."""

    items: list[Note]
    next: str | None


class PageQuery(Struct, frozen=True):
    """Which page is asked for."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 50
    cursor: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{32}$")] | None = None
