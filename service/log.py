"""Logs: one JSON object a line, on standard output."""

import asyncio
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import msgspec

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request that is being served, in every line that it causes."""

_encoder = msgspec.json.Encoder(enc_hook=str)


class JsonFormatter(logging.Formatter):
    """One line a record: time, level, logger, message, request id, and the error if there is."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if identity := request_id.get():
            line["request_id"] = identity
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return _encoder.encode(line).decode()


class Access(msgspec.Struct, kw_only=True):
    """The line of one request."""

    time: datetime
    level: str = "info"
    logger: str = "service.access"
    message: str = "request"
    request_id: str
    method: str
    path: str
    route: str
    status: int
    seconds: float


class AccessLog:
    """Writes the lines of requests, those of one turn of the event loop by one system call.

    A logging.LogRecord a request would cost as much as all the rest of serving it.
    """

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self.enabled = logging.getLogger("service.access").isEnabledFor(logging.INFO)

    def write(self, line: Access) -> None:
        if not self._lines:
            asyncio.get_running_loop().call_soon(self._flush)
        self._lines.append(_encoder.encode(line))

    def _flush(self) -> None:
        lines, self._lines = self._lines, []
        lines.append(b"")
        sys.stdout.buffer.write(b"\n".join(lines))
        sys.stdout.buffer.flush()


def configure(level: str) -> None:
    """Send every log record of the process to standard output as JSON."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # Alembic tells of each step below this level; uvicorn warns of whatever a stranger may send.
    for noisy, least in (("alembic", logging.WARNING), ("uvicorn", logging.ERROR)):
        logging.getLogger(noisy).setLevel(max(least, logging.root.level))
