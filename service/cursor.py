"""Cursors: opaque to clients, a place in the order of notes to us."""

import base64
import binascii
import struct
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Position(NamedTuple):
    """The last note of a page; the next page starts after it."""

    created_at: datetime
    id: UUID


def encode(position: Position) -> str:
    """Return 32 characters that are safe in a URL."""
    microseconds = (position.created_at - _EPOCH) // _MICROSECOND
    raw = struct.pack(">q16s", microseconds, position.id.bytes)
    return base64.urlsafe_b64encode(raw).decode()


def decode(cursor: str) -> Position:
    """Return the position of a cursor that `encode` made. Raises ValueError for any other text."""
    try:
        raw = base64.b64decode(cursor, altchars=b"-_", validate=True)
        microseconds, identity = struct.unpack(">q16s", raw)
        return Position(_EPOCH + microseconds * _MICROSECOND, UUID(bytes=identity))
    except (binascii.Error, struct.error, OverflowError) as error:
        raise ValueError(f"{cursor!r} is not a cursor") from error
