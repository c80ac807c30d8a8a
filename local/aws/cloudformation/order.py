"""Doing things in the order in which they need each other, and else at the same time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from graphlib import TopologicalSorter
from typing import Any

from local.aws import internals

Graph = Mapping[str, AbstractSet[str]]
"""From a name to the names that it needs."""


def needs(template: Mapping[str, Any], names: Iterable[str]) -> Graph:
    """Which of the others each of these resources refers to, or names in DependsOn."""
    engine = internals.module("services.cloudformation.engine")
    known = set(names)
    definitions = template.get("Resources", {})
    return {name: engine._extract_deps(definitions.get(name, {}), known) - {name} for name in known}


def reverse(graph: Graph) -> Graph:
    """Who needs each, for taking away what others need last."""
    needed_by: dict[str, set[str]] = {name: set() for name in graph}
    for name, others in graph.items():
        for other in others:
            needed_by[other].add(name)
    return needed_by


async def in_order(
    graph: Graph, work: Callable[[str], Awaitable[bool]], goes_on: Callable[[], bool] | None = None
) -> None:
    """Do `work` for each name as soon as it is done for all that the name needs.

    What needs a name whose work answers False isn't done. Once `goes_on` answers False nothing
    more is begun, and this returns when what is under way has ended.
    """
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    running: dict[asyncio.Task[bool], str] = {}
    while True:
        if goes_on is None or goes_on():
            for name in sorted(sorter.get_ready()):
                running[asyncio.ensure_future(work(name))] = name
        if not running:
            return
        done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            name = running.pop(task)
            if task.result():
                sorter.done(name)
