"""No role may do more than it has to, in any stack."""

from collections.abc import Mapping

from tests.permissions import grants, matching, takes_no_resource
from tests.synthesis import Synthesis

REASONS: Mapping[str, str] = {
    "cloudwatch:PutMetricData": "a metric has no name before; a condition keeps to one namespace",
}
"""Actions that are allowed on every resource although AWS could tell them apart, each with why."""


def test_no_role_may_do_everything(synthesis: Synthesis) -> None:
    found = [grant for stack, template in synthesis.all() for grant in grants(stack, template)]
    assert found
    for stack, policy, statement in found:
        assert "NotAction" not in statement, f"{stack} {policy}"
        assert "NotResource" not in statement, f"{stack} {policy}"
    for grant in found:
        for action in grant.actions:
            assert action != "*", f"{grant.stack} {grant.policy}"
            assert not action.endswith(":*"), f"{grant.stack} {grant.policy}: {action}"


def test_every_action_is_one_that_aws_knows(synthesis: Synthesis) -> None:
    for stack, template in synthesis.all():
        for grant in grants(stack, template):
            for action in grant.actions:
                assert matching(action), f"{stack} {grant.policy}: {action}"


def test_every_resource_only_where_the_action_knows_none(synthesis: Synthesis) -> None:
    used = set()
    for stack, template in synthesis.all():
        for grant in grants(stack, template):
            if "*" not in grant.resources:
                continue
            for action in grant.actions:
                used |= {action} & set(REASONS)
                allowed = takes_no_resource(action) or action in REASONS
                assert allowed, f"{stack} {grant.policy}: {action} on every resource"
    assert used == set(REASONS), "a reason that nothing needs"
