"""Whatever a client sends, the API answers as its document says."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import positive_data_acceptance

from delivery.process import Service

# The same as the service answers: test_operations.py compares them.
DOCUMENT = json.loads(Path(__file__).with_name("openapi.json").read_text())
METHODS = {"get", "put", "post", "delete", "patch", "head", "options", "trace"}
schema = schemathesis.openapi.from_dict(DOCUMENT)


def operations() -> Iterator[APIOperation[Any, Any, Any, Any]]:
    for one in schema.get_all_operations():
        assert isinstance(one, Ok), one
        yield one.ok()


def test_every_documented_operation_is_tried() -> None:
    tried = {(one.method.lower(), one.path) for one in operations()}
    paths = DOCUMENT["paths"].items()
    assert tried == {(method, path) for path, item in paths for method in METHODS & item.keys()}
    assert ("get", "/openapi.json") in tried


@pytest.fixture(scope="module")
def seen() -> Iterator[dict[str, set[int]]]:
    """The statuses by operation; one that was tried must have done what it is for."""
    statuses: dict[str, set[int]] = {}
    yield statuses
    assert all(min(of_one) < 300 for of_one in statuses.values()), statuses


@schema.parametrize()
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_documented(
    case: Case[Any], shared: Service, seen: dict[str, set[int]]
) -> None:
    # A cursor is opaque: not every one of its form is one that we made.
    excluded: list[Any] = [positive_data_acceptance] if "cursor" in (case.query or {}) else []
    address = f"http://127.0.0.1:{shared.port}"
    statuses = seen.setdefault(case.operation.label, set())
    answer = case.call_and_validate(base_url=address, excluded_checks=excluded)
    statuses.add(answer.status_code)
    if "id" in (case.path_parameters or {}) and case.meta and case.meta.generation.mode.is_positive:
        # Nobody guesses an id: the same again for a note that is there.
        note = shared.client.post("/v1/notes", json={"title": "there"}).json()
        case.path_parameters["id"] = note["id"]
        answer = case.call_and_validate(base_url=address, excluded_checks=excluded)
        statuses.add(answer.status_code)
