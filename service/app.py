"""The composition root: settings → database → API → one ASGI application."""

from collections.abc import Awaitable

from starlette.types import Receive, Scope, Send

from service.api import NotesApi
from service.body import Limits
from service.database import Database
from service.metrics import Metrics
from service.observer import Observer
from service.operations import OperationsApi
from service.paths import Paths
from service.settings import Settings
from service.store import NoteStore


class Application:
    """The service as an ASGI application; it opens its first connection at the first need."""

    def __init__(self, settings: Settings) -> None:
        self._database = Database(settings)
        self.metrics = Metrics(self._database.in_use)
        limits = Limits(bytes=settings.max_body_bytes, seconds=settings.body_seconds)
        notes = NotesApi(NoteStore(self._database), limits).resources()
        operations = OperationsApi(self._database)
        self._draining = operations.draining
        self._observed = Observer(Paths((*operations.resources(notes), *notes)), self.metrics)

    def drain(self) -> None:
        """Say from now on that no more requests should be sent; go on answering them."""
        self._draining.set()

    async def close(self) -> None:
        """End the connections to the database."""
        await self._database.close()

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        return self._observed(scope, receive, send)
