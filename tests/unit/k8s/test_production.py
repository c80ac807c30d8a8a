"""The benchmark of the charts measures all of them."""

from collections.abc import Iterable, Mapping
from typing import Any

from benchmarks.production import objects
from guards.objects import place
from tests.synthesis import Synthesis, Template, manifests


def _named(items: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    return sorted((str(item["kind"]), _place(item)) for item in items)


def _place(item: Mapping[str, Any]) -> str:
    """Return where an object is; the end of a Job's name comes of what it is made of."""
    return place(item).rpartition("-")[0] if item["kind"] == "Job" else place(item)


def test_what_is_measured_is_what_the_stacks_apply(synthesis: Synthesis) -> None:
    applied = []
    for template in synthesis.templates()["prod"].values():
        applied += manifests(Template(template))
    assert _named(objects()) == _named(applied)
