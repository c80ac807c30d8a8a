"""The order in which a stack's resources are worked on."""

import asyncio
from collections.abc import Mapping

from local.aws.cloudformation.order import in_order, reverse

CHAIN: Mapping[str, set[str]] = {"a": set(), "b": {"a"}, "c": {"b"}, "free": set()}


def run(failing: str = "", stop_after: str = "", graph: Mapping[str, set[str]] = CHAIN) -> str:
    """What happened: `<a` where a began, `a>` where it ended."""
    happened: list[str] = []

    async def work(name: str) -> bool:
        happened.append(f"<{name}")
        await asyncio.sleep(0)
        happened.append(f"{name}>")
        return name != failing

    asyncio.run(in_order(graph, work, lambda: not stop_after or f"{stop_after}>" not in happened))
    return " ".join(happened)


def test_each_comes_after_all_that_it_needs_and_beside_the_rest() -> None:
    assert run() == "<a <free a> free> <b b> <c c>"


def test_reversed_each_comes_before_all_that_it_needs() -> None:
    assert run(graph={k: set(v) for k, v in reverse(CHAIN).items()}) == (
        "<c <free c> free> <b b> <a a>"
    )


def test_what_needs_a_failed_one_is_not_begun() -> None:
    assert run(failing="b") == "<a <free a> free> <b b>"


def test_nothing_more_is_begun_once_it_is_to_stop() -> None:
    assert run(stop_after="a") == "<a <free a> free>"
