"""Errors as problem details (RFC 9457)."""

from collections.abc import Mapping
from http import HTTPStatus

import msgspec

from service.replies import GUARDS, Reply


class Details(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of every answer that is an error."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""


class Problem(Exception):
    """An error that the client is told: `detail` is one sentence in words meant for it."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = HTTPStatus(status)
        self.detail = detail
        self.headers = dict(headers or {})

    def reply(self) -> Reply:
        details = Details(title=self.status.phrase, status=self.status, detail=self.detail)
        return Reply(
            self.status,
            msgspec.json.encode(details),
            b"application/problem+json",
            GUARDS
            + tuple((key.lower().encode(), value.encode()) for key, value in self.headers.items()),
        )
