"""Alarms, their topic, the dashboard and the log groups that boto3 sees after a deploy."""

import json

from tests.local.machine import Machine


def test_an_alarm_reaches_the_topic_and_the_topic_waits_for_people(dev: Machine) -> None:
    cloudwatch = dev.client("cloudwatch")
    alarm = "dev-pods-pending"
    for state in ("OK", "ALARM"):
        cloudwatch.set_alarm_state(AlarmName=alarm, StateValue=state, StateReason="test")
    history = cloudwatch.describe_alarm_history(AlarmName=alarm, HistoryItemType="Action")
    said = [item["HistorySummary"] for item in history["AlarmHistoryItems"]]
    assert said
    assert all(line.startswith("Successfully executed action") for line in said)
    (topic,) = dev.resources("Observability", "AWS::SNS::Topic")
    attributes = dev.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]
    assert attributes["SubscriptionsPending"] == "1"


def test_nobody_else_publishes_to_the_topic(dev: Machine) -> None:
    account, region = dev.target.environment.account, dev.target.environment.region
    (topic,) = dev.resources("Observability", "AWS::SNS::Topic")
    attributes = dev.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]
    allowed, refused = json.loads(attributes["Policy"])["Statement"]
    assert allowed == {
        "Effect": "Allow",
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic,
        "Condition": {
            "StringEquals": {"aws:SourceAccount": account},
            "ArnLike": {"aws:SourceArn": f"arn:aws:cloudwatch:{region}:{account}:alarm:*"},
        },
    }
    assert refused == {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sns:Publish",
        "Resource": topic,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def test_the_dashboard_shows_every_alarm(dev: Machine) -> None:
    cloudwatch = dev.client("cloudwatch")
    (name,) = (d["DashboardName"] for d in cloudwatch.list_dashboards()["DashboardEntries"])
    body = json.loads(cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"])
    (alarms,) = (w["properties"]["alarms"] for w in body["widgets"] if w["type"] == "alarm")
    pages = cloudwatch.get_paginator("describe_alarms").paginate(AlarmNamePrefix="dev-")
    made = {alarm["AlarmArn"] for page in pages for alarm in page["MetricAlarms"]}
    assert made
    assert set(alarms) == made


def test_every_log_group_forgets(dev: Machine) -> None:
    pages = dev.client("logs").get_paginator("describe_log_groups").paginate()
    kept = {g["logGroupName"]: g.get("retentionInDays") for p in pages for g in p["logGroups"]}
    assert kept["/aws/eks/dev/cluster"] == 30
    # A function's own group, which Lambda makes when it is told of no other, is kept for good.
    assert set(kept.values()) == {30}, kept
