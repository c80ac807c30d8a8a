"""Reads that wait for each other anyway, asked in one query."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextvars import Context
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Batch(Generic[K, V]):
    """Answers each key by a query that began after it was asked, sharing queries under load.

    A lone read starts at once and waits for nothing. Reads that come while `width` queries are on
    their way go together in the next, at most `size` keys in one. A query that fails, fails for
    each that waits on it. Whoever has waited for `patience` seconds when a query begins, is told so
    by a TimeoutError instead.
    """

    def __init__(
        self,
        fetch: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]],
        *,
        patience: float,
        width: int = 1,
        size: int = 100,
    ) -> None:
        self._fetch = fetch
        self._patience = patience
        self._idle = width
        self._size = size
        self._waiting: dict[K, list[tuple[float, asyncio.Future[V | None]]]] = {}
        """Whom to answer, and until when a query for it may begin."""
        self._running: set[asyncio.Task[None]] = set()

    async def get(self, key: K) -> V | None:
        """Return the value of `key`, None if it has none.

        Raises TimeoutError, and what the query raises.
        """
        loop = asyncio.get_running_loop()
        # One each: a reader that goes away must not take the answer from the others.
        future: asyncio.Future[V | None] = loop.create_future()
        self._waiting.setdefault(key, []).append((loop.time() + self._patience, future))
        if self._idle:
            self._idle -= 1
            # Nobody's: what it logs must not bear the id of whichever request came first.
            task = asyncio.create_task(self._work(), context=Context())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return await future

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._ask()
        finally:
            self._idle += 1

    async def _ask(self) -> None:
        asked = self._next()
        if not asked:
            return
        try:
            found = await self._fetch(list(asked))
        except BaseException as error:
            for futures in asked.values():
                _fail(futures, error)
            if not isinstance(error, Exception):
                raise
        else:
            for key, futures in asked.items():
                for future in futures:
                    if not future.done():
                        future.set_result(found.get(key))

    def _next(self) -> dict[K, list[asyncio.Future[V | None]]]:
        """Return whom the next query is for; send away who has waited too long for it."""
        now = asyncio.get_running_loop().time()
        asked: dict[K, list[asyncio.Future[V | None]]] = {}
        for key in list(self._waiting):
            if len(asked) == self._size:
                break
            waiting = self._waiting.pop(key)
            late = [future for until, future in waiting if until < now]
            _fail(late, TimeoutError(f"no query began within {self._patience:g} s"))
            if len(late) < len(waiting):
                asked[key] = [future for until, future in waiting if until >= now]
        return asked


def _fail(futures: Iterable[asyncio.Future[V | None]], error: BaseException) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(error)
