"""The order in which a stack's resources are worked on."""

import asyncio
from collections.abc import Mapping

from local.aws.cloudformation.operation import CUSTOM_AT_ONCE, Operation
from local.aws.cloudformation.order import in_order, reverse

CHAIN: Mapping[str, set[str]] = {"a": set(), "b": {"a"}, "c": {"b"}, "free": set()}


def run(failing: str = "", stop_after: str = "", graph: Mapping[str, set[str]] = CHAIN) -> str:
    """What happened: `<a` where a began, `a>` where it ended."""
    happened: list[str] = []

    async def work(name: str) -> bool:
        happened.append(f"<{name}")
        for _ in range(20 if name == "free" else 1):
            await asyncio.sleep(0)
        happened.append(f"{name}>")
        return name != failing

    asyncio.run(in_order(graph, work, lambda: not stop_after or f"{stop_after}>" not in happened))
    return " ".join(happened)


def test_each_comes_after_all_that_it_needs_and_beside_the_rest() -> None:
    assert run() == "<a <free a> <b b> <c c> free>"


def test_reversed_each_comes_before_all_that_it_needs() -> None:
    assert run(graph={k: set(v) for k, v in reverse(CHAIN).items()}) == (
        "<c <free c> <b b> <a a> free>"
    )


def test_what_needs_a_failed_one_is_not_begun() -> None:
    assert run(failing="b") == "<a <free a> <b b> free>"


def test_nothing_more_is_begun_once_it_is_to_stop() -> None:
    assert run(stop_after="a") == "<a <free a> free>"


def test_custom_resources_take_turns_and_others_do_not() -> None:
    most = {"Custom::Thing": 0, "AWS::EKS::Addon": 0}

    async def all_at_once() -> None:
        operation = Operation("stack", "arn", {})
        now = dict.fromkeys(most, 0)

        async def work(kind: str) -> None:
            async with operation.turn(kind):
                now[kind] += 1
                most[kind] = max(most[kind], now[kind])
                await asyncio.sleep(0)
                now[kind] -= 1

        await asyncio.gather(*(work(kind) for kind in most for _ in range(10)))

    asyncio.run(all_at_once())
    assert most == {"Custom::Thing": CUSTOM_AT_ONCE, "AWS::EKS::Addon": 10}
