"""No role may do more than it has to, and no resource lets in whom it needn't, in any stack."""

import re
from collections.abc import Mapping

from local.paths import ROOT
from tests.permissions import grants, matching, resource_grants, takes_no_resource
from tests.synthesis import Synthesis

REASONS: Mapping[str, str] = {
    "cloudwatch:GetMetricData": "IAM knows no single metrics, which its data sets aren't",
    "cloudwatch:ListMetrics": "the same, and the dashboard looks for whatever has been there",
    "cloudwatch:PutMetricData": "a metric has no name before; a condition keeps to one namespace",
}
"""Actions that are allowed on every resource although AWS could tell them apart, each with why."""


def test_no_role_may_do_everything(synthesis: Synthesis) -> None:
    found = [grant for stack, template in synthesis.all() for grant in grants(stack, template)]
    assert found
    for grant in found:
        assert not {"NotAction", "NotResource"} & set(grant.statement), grant.where
        for action in grant.actions:
            assert action != "*", grant.where
            assert not action.endswith(":*"), f"{grant.where}: {action}"


def test_every_action_is_one_that_aws_knows(synthesis: Synthesis) -> None:
    for stack, template in synthesis.all():
        for grant in grants(stack, template):
            for action in grant.actions:
                assert matching(action), f"{grant.where}: {action}"


def test_every_resource_only_where_the_action_knows_none(synthesis: Synthesis) -> None:
    used = set()
    for stack, template in synthesis.all():
        for grant in grants(stack, template):
            if "*" not in grant.resources:
                continue
            for action in grant.actions:
                used |= {action} & set(REASONS)
                allowed = takes_no_resource(action) or action in REASONS
                assert allowed, f"{grant.where}: {action} on every resource"
    assert used == set(REASONS), "a reason that nothing needs"


def test_no_resource_lets_anybody_do_everything(synthesis: Synthesis, whole: Synthesis) -> None:
    found = [
        grant
        for made in {synthesis, whole}
        for stack, template in made.all()
        for grant in resource_grants(stack, template)
    ]
    delegated = [grant for grant in found if grant.leaves_a_key_to_iam]
    keys = {grant.where for grant in found if grant.kind == "AWS::KMS::Key"}
    assert {grant.where for grant in delegated} == keys
    assert {grant.kind for grant in found} >= {"AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy"}
    for grant in found:
        assert not {"NotAction", "NotResource", "NotPrincipal"} & set(grant.statement), grant.where
        # A key's policy speaks of no other key.
        assert "*" not in grant.resources or grant.kind == "AWS::KMS::Key", grant.where
        if grant.is_for_everybody:
            who = grant.statement.get("Condition", {}).get("ArnEquals", {}).get("aws:PrincipalArn")
            assert who, f"{grant.where} is for everybody"
            assert "*" not in who, f"{grant.where} is for everybody"
        for action in grant.actions if grant not in delegated else ():
            assert matching(action), f"{grant.where}: {action}"
            assert not action.endswith(":*"), f"{grant.where}: {action}"


def test_every_star_has_its_reason_on_its_line() -> None:
    star = re.compile(r'"([a-z0-9-]+:)?\*"')
    lines = [
        f"{file.name}:{number}: {line.strip()}"
        for file in sorted((ROOT / "constructs" / "mindforce").glob("*.py"))
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if star.search(line)
    ]
    assert len(lines) > 1
    assert [line for line in lines if "  # " not in line] == []
