"""cfn-lint finds nothing to say about any template, of the table or of what else it could say."""

from pathlib import Path

from cfnlint.api import ManualArgs, lint

from tests.synthesis import Synthesis
from tests.tables import OTHERWISE

# Each left out for a reason.
IGNORED = [
    "W3005",  # a DependsOn that a reference implies: CDK writes them for whole constructs
    "W3010",  # zones are named in the table: nothing is looked up at synthesis
]


def _found(synthesis: Synthesis) -> list[str]:
    return [
        f"{stack}: {match}"
        for stack, template in synthesis.all()
        for match in lint(template.text, config=ManualArgs(ignore_checks=IGNORED))
    ]


def test_no_template_breaks_a_rule_of_cloudformation(synthesis: Synthesis) -> None:
    assert _found(synthesis) == []


def test_nor_does_one_with_what_the_table_could_say_otherwise(tmp_path: Path) -> None:
    assert _found(Synthesis(OTHERWISE, tmp_path)) == []
