import asyncio
from collections.abc import Mapping, Sequence

import pytest

from service.batch import Batch
from service.log import request_id


class Source:
    """Answers when it is told to, and remembers what it was asked together."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.go = asyncio.Semaphore(0)
        self.error: Exception | None = None

    async def fetch(self, keys: Sequence[int]) -> Mapping[int, str]:
        self.asked.append(list(keys))
        await self.go.acquire()
        if self.error:
            raise self.error
        return {key: f"value {key}" for key in keys if key >= 0}


async def started(*reads: asyncio.Task[str | None]) -> None:
    for _ in range(3):
        await asyncio.sleep(0)


def test_reads_that_wait_go_together_and_each_gets_its_own() -> None:
    async def scenario() -> None:
        source = Source()
        batch = Batch(source.fetch, patience=60, size=3)
        tasks = [asyncio.create_task(batch.get(0))]
        await started()
        tasks += [asyncio.create_task(batch.get(key)) for key in (1, 2, -3, 4, 1)]
        await started()
        assert source.asked == [[0]]
        for _ in range(3):
            source.go.release()
        answers = await asyncio.gather(*tasks)
        assert answers == ["value 0", "value 1", "value 2", None, "value 4", "value 1"]
        assert source.asked == [[0], [1, 2, -3], [4]]

    asyncio.run(scenario())


def test_a_read_never_shares_a_query_that_had_begun_before_it() -> None:
    async def scenario() -> None:
        source = Source()
        batch = Batch(source.fetch, patience=60)
        first = asyncio.create_task(batch.get(1))
        await started()
        second = asyncio.create_task(batch.get(1))
        await started()
        source.go.release()
        assert await first == "value 1"
        await started()
        assert not second.done()
        assert source.asked == [[1], [1]]
        source.go.release()
        assert await second == "value 1"

    asyncio.run(scenario())


def test_a_failure_is_for_those_who_waited_on_it_and_no_others() -> None:
    async def scenario() -> None:
        source = Source()
        batch = Batch(source.fetch, patience=60)
        first = asyncio.create_task(batch.get(1))
        await started()
        source.error = OSError("lost")
        source.go.release()
        with pytest.raises(OSError, match="lost"):
            await first
        source.error = None
        source.go.release()
        assert await batch.get(2) == "value 2"

    asyncio.run(scenario())


def test_a_reader_that_goes_away_leaves_the_others_their_answer() -> None:
    async def scenario() -> None:
        source = Source()
        batch = Batch(source.fetch, patience=60)
        readers = [asyncio.create_task(batch.get(1)) for _ in range(2)]
        await started()
        readers[0].cancel()
        source.go.release()
        assert await readers[1] == "value 1"

    asyncio.run(scenario())


def test_a_query_that_is_cancelled_leaves_nobody_waiting() -> None:
    async def scenario() -> None:
        source = Source()
        batch = Batch(source.fetch, patience=60)
        reader = asyncio.create_task(batch.get(1))
        await started()
        (query,) = asyncio.all_tasks() - {reader, asyncio.current_task()}
        query.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(reader, 5)

    asyncio.run(scenario())


def test_who_has_waited_too_long_for_a_query_is_told_so_and_the_next_is_not_delayed() -> None:
    async def scenario() -> None:
        source = Source()
        batch = Batch(source.fetch, patience=0.05, size=2)
        first = asyncio.create_task(batch.get(0))
        await started()
        late = [asyncio.create_task(batch.get(key)) for key in range(1, 8)]
        await asyncio.sleep(0.1)
        in_time = [asyncio.create_task(batch.get(key)) for key in (7, 8)]
        await started()
        source.go.release()
        source.go.release()
        assert await first == "value 0"
        for reader in late:
            with pytest.raises(TimeoutError, match=r"no query began within 0.05 s"):
                await reader
        assert await asyncio.gather(*in_time) == ["value 7", "value 8"]
        assert source.asked == [[0], [7, 8]]

    asyncio.run(scenario())


def test_what_a_query_logs_is_of_none_of_the_requests_that_share_it() -> None:
    seen: list[str] = []

    async def fetch(keys: Sequence[int]) -> Mapping[int, str]:
        seen.append(request_id.get())
        return {}

    async def scenario() -> None:
        batch = Batch(fetch, patience=60)
        token = request_id.set("the first of them")
        try:
            await asyncio.gather(*(batch.get(key) for key in range(3)))
        finally:
            request_id.reset(token)
        assert seen
        assert set(seen) == {""}

    asyncio.run(scenario())
