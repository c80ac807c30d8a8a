"""cdk-nag finds nothing but what has a reason, in the table or in what else it could say."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

import app
from config.environments import TABLE
from guards.nag import ACKNOWLEDGED, Acknowledged, Finding, findings
from local.paths import ROOT
from tests.tables import OTHERWISE, WHOLE

WITHOUT_RULES = {
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
}
"""Types of which AwsSolutions says nothing, so that nothing is missed where they aren't typed."""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[Finding]:
    from aws_cdk import Validations
    from cdk_nag import AwsSolutionsChecks

    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    said: list[Finding] = []
    tables = [TABLE, OTHERWISE]
    if WHOLE != TABLE:
        # A reason is one still where the table leaves out what it is for.
        tables.append(replace(WHOLE, environments=WHOLE.environments[-1:]))
    for table in tables:
        output = tmp_path_factory.mktemp("nag")
        stage = app.build(table, output=str(output), context=context)
        Validations.of(stage).add_plugins(AwsSolutionsChecks())
        with pytest.raises(RuntimeError, match="ValidationFailed"):
            stage.synth()
        said += findings(output / "validation-report.json")
    return said


def test_every_finding_has_a_reason(found: list[Finding]) -> None:
    assert found
    without = [f for f in found if not any(known.covers(f) for known in ACKNOWLEDGED)]
    assert without == [], "mend it, or say in guards/nag.py why it stays"


@pytest.mark.parametrize("known", ACKNOWLEDGED, ids=lambda k: f"{k.rule} {k.detail or k.path}")
def test_every_reason_is_for_a_finding(found: list[Finding], known: Acknowledged) -> None:
    assert any(known.covers(finding) for finding in found)
    assert len(known.reason) > 10


def test_nothing_that_a_rule_knows_is_hidden_from_it() -> None:
    untyped: set[str] = set()
    for folder in ("constructs", "stacks"):
        for file in (ROOT / folder).rglob("*.py"):
            text = Path(file).read_text()
            made = re.findall(r"\bCfnResource\(", text)
            named = re.findall(r"\btype=\"(AWS::[\w:]+)\"", text)
            assert len(named) >= len(made), f"{file}: a CfnResource whose type can't be told"
            untyped |= set(named) if made else set()
    assert untyped <= WITHOUT_RULES
