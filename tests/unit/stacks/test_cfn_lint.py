"""cfn-lint finds nothing to say about any template."""

from cfnlint.api import ManualArgs, lint

from tests.synthesis import Synthesis

# Each left out for a reason.
IGNORED = [
    "W3005",  # a DependsOn that a reference implies: CDK writes them for whole constructs
    "W3010",  # zones are named in the table: nothing is looked up at synthesis
]


def test_no_template_breaks_a_rule_of_cloudformation(synthesis: Synthesis) -> None:
    for stack, template in synthesis.all():
        found = lint(template.text, config=ManualArgs(ignore_checks=IGNORED))
        assert [f"{stack}: {match}" for match in found] == []
