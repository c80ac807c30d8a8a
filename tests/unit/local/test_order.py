"""Work in the order of what needs what: nothing waits for what it doesn't need."""

import asyncio
from collections.abc import Mapping

from local.aws.cloudformation.order import in_order, reverse

NEEDS: Mapping[str, frozenset[str]] = {
    "network": frozenset(),
    "cluster": frozenset({"network"}),
    "nodes": frozenset({"cluster"}),
    "bucket": frozenset(),
}


def test_what_is_ready_begins_while_others_are_still_at_it() -> None:
    async def run() -> None:
        nodes_began = asyncio.Event()

        async def work(name: str) -> bool:
            if name == "bucket":
                # Ends only after what it has nothing to do with has come all the way.
                await asyncio.wait_for(nodes_began.wait(), 10)
            if name == "nodes":
                nodes_began.set()
            return True

        await in_order(NEEDS, work)

    asyncio.run(run())


def test_what_needs_a_failure_is_not_begun() -> None:
    begun = []

    async def work(name: str) -> bool:
        begun.append(name)
        return name != "cluster"

    asyncio.run(in_order(NEEDS, work))
    assert sorted(begun) == ["bucket", "cluster", "network"]


def test_nothing_more_is_begun_once_it_is_to_end() -> None:
    begun = []

    async def work(name: str) -> bool:
        begun.append(name)
        return True

    asyncio.run(in_order(NEEDS, work, lambda: not begun))
    assert begun == ["bucket", "network"]


def test_the_way_back_takes_away_what_is_needed_last() -> None:
    gone = []

    async def work(name: str) -> bool:
        gone.append(name)
        return True

    asyncio.run(in_order(reverse(NEEDS), work))
    assert gone.index("nodes") < gone.index("cluster") < gone.index("network")
