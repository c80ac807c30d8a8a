"""Whatever a client sends, the API answers as its document says."""

import json
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.specs.openapi.checks import positive_data_acceptance

from delivery.process import Service

# The same as the service answers: test_operations.py compares them.
schema = schemathesis.openapi.from_dict(
    json.loads(Path(__file__).with_name("openapi.json").read_text())
)


@schema.parametrize()
@settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_documented(case: Case[Any], shared: Service) -> None:
    # A cursor is opaque: not every one of its form is one that we made.
    excluded: list[Any] = [positive_data_acceptance] if "cursor" in (case.query or {}) else []
    case.call_and_validate(base_url=f"http://127.0.0.1:{shared.port}", excluded_checks=excluded)
