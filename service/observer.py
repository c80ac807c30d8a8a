"""What is the same for every request: its id, its log line, its metrics, and its last resort."""

import logging
import os
import re
import time
from datetime import UTC, datetime
from itertools import count

from starlette.types import ASGIApp, Receive, Scope, Send

from service.database import DatabaseUnavailable
from service.log import Access, AccessLog, request_id
from service.metrics import Metrics
from service.problems import Problem
from service.resources import Resource

_logger = logging.getLogger(__name__)
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked every few seconds for ever: logged only when the answer is an error."""
# Random once a process, then counted: an id must be unique, nothing more, and asking the kernel
# for randomness costs a request as much as its metrics.
_PROCESS = os.urandom(8).hex().encode()
_numbers = count()
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Observer:
    """Wraps the routes so that each request is answered, logged and counted, whatever happens."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._log = AccessLog()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        identity = _identity(scope)
        request_id.set(identity.decode())
        scope["request_id"] = identity
        scope["status"] = 0
        try:
            await self._app(scope, receive, send)
        except Exception as error:  # the last resort: logged, counted and answered
            if scope["status"]:
                raise  # The client has half of an answer: the server closes the connection.
            await _problem(error).reply().send(scope, send)
        finally:
            self._record(scope, time.perf_counter() - started)

    def _record(self, scope: Scope, seconds: float) -> None:
        status = scope["status"]
        endpoint = scope.get("endpoint")
        # Not the path itself: a scanner would make a time series of each guess.
        route = endpoint.template if isinstance(endpoint, Resource) else "none"
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.request(method, route, status, seconds)
        if not self._log.enabled or (status < 400 and route in _QUIET):
            return
        self._log.write(
            Access(
                time=datetime.now(UTC),
                request_id=scope["request_id"].decode(),
                method=method,
                path=scope["path"],
                route=route,
                status=status,
                seconds=round(seconds, 6),
            )
        )


def _identity(scope: Scope) -> bytes:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return bytes(value)
    return b"%s%016x" % (_PROCESS, next(_numbers))


def _problem(error: Exception) -> Problem:
    if isinstance(error, DatabaseUnavailable):
        _logger.warning("the database is unavailable: %s", error)
        return Problem(503, "The database can't be reached now.", {"retry-after": "1"})
    _logger.error("a request failed", exc_info=error)
    return Problem(500, "The service failed; its log has the request's id.")
