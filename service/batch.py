"""Reads that wait for each other anyway, asked in one query."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Batch(Generic[K, V]):
    """Answers each key by a query that began after it was asked, sharing queries under load.

    A lone read starts at once and waits for nothing. Reads that come while `width` queries are on
    their way go together in the next, at most `size` keys in one. A query that fails, fails for
    each that waits on it.
    """

    def __init__(
        self,
        fetch: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]],
        *,
        width: int = 1,
        size: int = 100,
    ) -> None:
        self._fetch = fetch
        self._idle = width
        self._size = size
        self._waiting: dict[K, list[asyncio.Future[V | None]]] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def get(self, key: K) -> V | None:
        """Return the value of `key`, None if it has none. Raises what the query raises."""
        # One each: a reader that goes away must not take the answer from the others.
        future: asyncio.Future[V | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(future)
        if self._idle:
            self._idle -= 1
            task = asyncio.create_task(self._work())
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
        keys = list(self._waiting)[: self._size]
        asked = [(key, future) for key in keys for future in self._waiting.pop(key)]
        try:
            found = await self._fetch(keys)
        except BaseException as error:
            for _, future in asked:
                if not future.done():
                    future.set_exception(error)
            if not isinstance(error, Exception):
                raise
        else:
            for key, future in asked:
                if not future.done():
                    future.set_result(found.get(key))
