import json
from collections.abc import Mapping
from typing import Any

import pytest

from config.environments import DEV, PROD, TABLE
from local.paths import ROOT
from mindforce.platform_alarms import platform_alarms
from tests.synthesis import Synthesis, Template, references

RUNBOOKS = ROOT / "docs" / "runbooks"


@pytest.fixture
def template(whole: Synthesis) -> Template:
    return whole.template("prod", "Observability")


@pytest.fixture
def alarms(template: Template) -> Mapping[str, Mapping[str, Any]]:
    """The alarms by name, without the environment's."""
    found = template.properties("AWS::CloudWatch::Alarm")
    return {alarm["AlarmName"].removeprefix("prod-"): alarm for alarm in found}


def test_every_alarm_tells_people_when_it_is_raised_and_when_it_is_over(
    template: Template, alarms: Mapping[str, Any]
) -> None:
    (topic,) = template.resources("AWS::SNS::Topic")
    assert alarms
    for name, alarm in alarms.items():
        for actions in ("AlarmActions", "OKActions"):
            assert list(references(alarm[actions])) == [topic], name


def test_every_alarm_leads_to_its_runbook_and_every_runbook_to_an_alarm(
    alarms: Mapping[str, Any],
) -> None:
    for name, alarm in alarms.items():
        assert alarm["AlarmDescription"].endswith(f"What to do: docs/runbooks/{name}.md")
        text = (RUNBOOKS / f"{name}.md").read_text()
        assert f"Alarm `NAME-{name}`." in text
        assert [line for line in text.splitlines() if line.startswith("## ")] == [
            "## Look",
            "## Do",
            "## Over",
        ]
    assert {file.stem for file in RUNBOOKS.iterdir()} == set(alarms)


def test_every_alarm_says_what_missing_data_means(alarms: Mapping[str, Any]) -> None:
    treated = {name: alarm["TreatMissingData"] for name, alarm in alarms.items()}
    assert treated.pop("api-server-silent") == "breaching"
    assert treated.pop("pod-logs-silent") == "breaching"
    assert treated.pop("restore-drill") == "breaching"
    assert treated.pop("web-unhealthy") == "breaching"
    assert treated.pop("backup-late") == "breaching"
    assert set(treated.values()) == {"notBreaching"}


@pytest.mark.parametrize("sees_requests", [True, False])
def test_a_load_balancer_without_any_target_wakes_somebody(sees_requests: bool) -> None:
    """Pods that crash are taken out of it, and of none AWS counts no healthy ones, not zero."""
    (alarm,) = (
        alarm
        for alarm in platform_alarms(
            cluster_name="c", max_nodes=1, web_errors_per_minute=1, sees_requests=sees_requests
        )
        if alarm.name == "web-unhealthy"
    )
    assert alarm.missing_data == "breaching"
    # "A time series only exists when data is present": a group's would be gone, not breaching.
    assert "GROUP BY" not in str(alarm.source)


def test_no_alarm_is_raised_by_a_moment(alarms: Mapping[str, Any]) -> None:
    for name, alarm in alarms.items():
        # A verdict is no moment: the next one is a day and more away.
        least = 1 if name == "restore-drill-failed" else 3
        assert alarm["EvaluationPeriods"] == alarm["DatapointsToAlarm"] >= least, name


def test_nodes_at_bound_means_all_that_the_table_allows(synthesis: Synthesis) -> None:
    for config in (DEV, PROD):
        template = synthesis.template(config.name, "Observability")
        (alarm,) = (
            alarm
            for alarm in template.properties("AWS::CloudWatch::Alarm")
            if alarm["AlarmName"] == f"{config.name}-nodes-at-bound"
        )
        assert alarm["Threshold"] == sum(g.max_size for g in config.cluster.node_groups)


def test_only_alarms_of_the_account_may_publish_and_only_by_tls(template: Template) -> None:
    allowed, denied = template.only("AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allowed["Action"] == "sns:Publish"
    assert allowed["Condition"]["StringEquals"] == {"aws:SourceAccount": PROD.account}
    assert denied["Effect"] == "Deny"
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_topic_is_encrypted_with_a_key_that_alarms_may_use(template: Template) -> None:
    (key,) = references(template.only("AWS::SNS::Topic")["KmsMasterKeyId"])
    properties = template["Resources"][key]["Properties"]
    assert properties["EnableKeyRotation"] is True
    _, alarms = properties["KeyPolicy"]["Statement"]
    assert alarms["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert set(alarms["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey*"}
    assert alarms["Condition"]["StringEquals"] == {"aws:SourceAccount": PROD.account}


def test_alarms_go_to_the_addresses_of_the_table(template: Template) -> None:
    subscriptions = template.only("AWS::SNS::Topic")["Subscription"]
    assert [s["Endpoint"] for s in subscriptions] == list(PROD.observability.emails)


def test_the_dashboard_shows_every_alarm_and_overlaps_nothing(
    template: Template, alarms: Mapping[str, Any]
) -> None:
    body = template.only("AWS::CloudWatch::Dashboard")["DashboardBody"]
    widgets = json.loads(body)["widgets"]
    (shown,) = (w["properties"]["alarms"] for w in widgets if w["type"] == "alarm")
    assert [arn.rsplit(":", 1)[1] for arn in shown] == [f"prod-{name}" for name in alarms]
    cells = {
        (x, y)
        for w in widgets
        for x in range(w["x"], w["x"] + w["width"])
        for y in range(w["y"], w["y"] + w["height"])
    }
    assert len(cells) == sum(w["width"] * w["height"] for w in widgets)
    assert max(x for x, _ in cells) < 24


def test_alarms_come_after_the_service_that_they_watch_and_go_before_it(
    synthesis: Synthesis,
) -> None:
    """One that silence raises would wake somebody for an environment that is being made."""
    for environment in TABLE.environments:
        stacks = {stack.stack_name: stack for stack in synthesis.stacks(environment.name)}
        stack = stacks[f"{environment.name}-Observability"]
        assert any("Workloads" in dependency.id for dependency in stack.dependencies)
