"""What counts as read, and what does not."""

import copy
import json
from typing import Any

import pytest

from local.aws import audit, internals


def findings(properties: dict[str, Any], use: Any, kind: str = "AWS::Test::Type") -> list[str]:
    read: set[str] = set()
    use(audit.Watched(properties, read))
    return audit.unread(kind, properties, read)


def test_what_is_not_read_is_named_at_every_depth() -> None:
    properties = {"A": {"B": 1, "C": 2}, "D": [{"E": 1}], "F": 1}
    assert findings(properties, lambda p: p["A"]["B"]) == ["A.C", "D", "F"]
    assert findings(properties, lambda p: list(p["D"])) == ["A", "D.E", "F"]


def test_asking_whether_it_is_there_is_not_reading() -> None:
    assert findings({"A": 1}, lambda p: "A" in p) == ["A"]
    assert findings({"A": 1}, list) == ["A"]


@pytest.mark.parametrize(
    "use", [json.dumps, lambda p: {**p}["A"]["B"], lambda p: dict(p)["A"]["B"]]
)
def test_what_is_serialised_or_copied_out_is_read(use: Any) -> None:
    assert findings({"A": {"B": 1}}, use) == []


def test_a_copy_shares_what_it_saw() -> None:
    assert findings({"A": {"B": 1, "C": 1}}, lambda p: copy.deepcopy(p)["A"]["B"]) == ["A.C"]


def test_what_is_stored_unopened_is_named_unless_the_table_says_why() -> None:
    properties = {"TracingConfig": {"Mode": "Active"}}
    assert findings(properties, lambda p: p["TracingConfig"]) == ["TracingConfig.Mode"]
    assert findings(properties, lambda p: p["TracingConfig"], "AWS::Lambda::Function") == []


def test_every_exception_has_its_reason() -> None:
    reasons = [*audit.KEPT_WHOLE.values(), *audit.ACCEPTED.values()]
    assert all(len(reason.split()) >= 4 for reason in reasons)


def test_another_ministack_stops_the_server_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda _: "1.6.0")
    with pytest.raises(internals.MiniStackChangedError, match=r"1\.6\.0 is installed"):
        internals.check_version()
    with pytest.raises(internals.MiniStackChangedError, match=r"should have json\.no_such"):
        internals.replace(json, "no_such", lambda stock: stock)
