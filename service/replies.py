"""Answers, whole in memory."""

from typing import Any, NamedTuple

import msgspec
from starlette.types import Send

GUARDS = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
"""Headers of what may hold what people wrote: it is as of now, and is what it says."""

_NO_CONTENT = 204
"""An answer that by HTTP has no body and tells of none."""
_PIECE = 64 * 1024
"""Bytes that are handed on together: what goes of an answer at once is not kept with its rest."""

_encode = msgspec.json.Encoder().encode


class Reply(NamedTuple):
    """A status, a body, its media type, and further headers with names in lower case."""

    status: int
    body: bytes = b""
    media_type: bytes = b"application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()

    async def send(self, send: Send, request_id: bytes) -> None:
        """Send it as the answer to the request of that id."""
        headers = [(b"x-request-id", request_id), *self.headers]
        if self.status != _NO_CONTENT:
            length = (b"content-length", b"%d" % len(self.body))
            headers += (length, (b"content-type", self.media_type))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        begun = 0
        while (end := begun + _PIECE) < len(self.body):
            piece = self.body[begun:end]
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            begun = end
        await send({"type": "http.response.body", "body": self.body[begun:]})


def json_reply(value: Any, status: int = 200, **headers: str) -> Reply:
    """Return `value` as JSON; `headers` by their names in lower case."""
    return Reply(
        status,
        _encode(value),
        headers=GUARDS + tuple((key.encode(), text.encode()) for key, text in headers.items()),
    )
