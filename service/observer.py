"""What is the same for every request: its id, its log line, its metrics, and its last resort."""

import asyncio
import logging
import os
import re
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import count

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from service.database import DatabaseUnavailable
from service.log import Access, AccessLog, request_id
from service.metrics import Metrics
from service.paths import Paths
from service.problems import Problem

_logger = logging.getLogger(__name__)
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_QUIET = frozenset({"/healthz", "/readyz"})
"""Asked every few seconds for ever: logged only when the answer is an error."""
# Random once a process, then counted: an id must be unique, nothing more, and asking the kernel
# for randomness costs a request as much as its metrics.
_PROCESS = os.urandom(8).hex().encode()
_numbers = count()
_CUT = Problem(503, "The service ended before the request did.", {"retry-after": "1"}).reply()
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Observer:
    """Finds what answers each request, and answers, logs and counts it, whatever happens."""

    def __init__(self, paths: Paths, metrics: Metrics) -> None:
        self._paths = paths
        self._metrics = metrics
        self._log = AccessLog()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        identity = _identity(scope["headers"])
        request_id.set(identity.decode())
        # Not the path itself: a scanner would make a time series of each guess.
        route = "none"
        try:
            resource = self._paths.find(scope)
            route = resource.template
            reply = await resource.operation(scope["method"]).run(Request(scope, receive))
        except Problem as problem:
            reply = problem.reply()
        except asyncio.CancelledError:
            # The drain is over. Whether it was done is not known, as with any 503.
            _logger.warning("a request was cut, because the service ends")
            reply = _CUT
        except Exception as error:  # noqa: BLE001 # the last resort: logged and answered
            reply = _problem(error).reply()
        try:
            await reply.send(send, identity)
        finally:
            seconds = time.perf_counter() - started
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.request(method, route, reply.status, seconds)
            if self._log.enabled and (reply.status >= 400 or route not in _QUIET):
                self._log.write(
                    Access(
                        time=datetime.now(UTC),
                        request_id=identity.decode(),
                        method=method,
                        path=scope["path"],
                        route=route,
                        status=reply.status,
                        seconds=round(seconds, 6),
                    )
                )


def _identity(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    for name, value in headers:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return value
    return b"%s%016x" % (_PROCESS, next(_numbers))


def _problem(error: Exception) -> Problem:
    if isinstance(error, DatabaseUnavailable):
        _logger.warning("the database is unavailable: %s", error)
        return Problem(503, "The database can't be reached now.", {"retry-after": "1"})
    _logger.error("a request failed", exc_info=error)
    return Problem(500, "The service failed; its log has the request's id.")
