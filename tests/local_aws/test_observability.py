"""Alarms are heard as far as policies let them; dashboards are as they were put."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mindforce.policy import document
from tests.local_aws.support import ACCOUNT, Account, StackFailedError, eventually, role

CLOUDWATCH = {"Service": "cloudwatch.amazonaws.com"}
QUERY = 'SELECT SUM(ErrorPortAllocation) FROM SCHEMA("AWS/NATGateway", NatGatewayId)'


def key(*actions: str) -> dict[str, Any]:
    """A key that its account administers, and CloudWatch may use for the actions."""
    root = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    statements = [{"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"}]
    if actions:
        statement = {"Effect": "Allow", "Principal": CLOUDWATCH, "Action": list(actions)}
        statements.append({**statement, "Resource": "*"})
    return {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": document(*statements)}}


def alarm(**properties: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "Metrics": [{"Id": "q", "Expression": QUERY, "Period": 60, "ReturnData": True}],
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 0,
            "EvaluationPeriods": 5,
            "TreatMissingData": "notBreaching",
            "AlarmActions": [{"Ref": "Topic"}],
            **properties,
        },
    }


def topic_policy(effect: str, account: str = ACCOUNT) -> dict[str, Any]:
    statement = {
        "Effect": effect,
        "Principal": CLOUDWATCH,
        "Action": "sns:Publish",
        "Resource": {"Ref": "Topic"},
        "Condition": {"StringEquals": {"aws:SourceAccount": account}},
    }
    properties = {"Topics": [{"Ref": "Topic"}], "PolicyDocument": document(statement)}
    return {"Type": "AWS::SNS::TopicPolicy", "Properties": properties}


def paging(**changes: Any) -> dict[str, Any]:
    """An alarm, a topic that it may publish to with its key, and a queue that hears of it."""
    return {
        "Key": key("kms:Decrypt", "kms:GenerateDataKey*"),
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"KmsMasterKeyId": {"Ref": "Key"}}},
        "Policy": topic_policy("Allow"),
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Heard": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {
                "Queues": [{"Ref": "Queue"}],
                "PolicyDocument": document(
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": "sns.amazonaws.com"},
                        "Action": "sqs:SendMessage",
                        "Resource": {"Fn::GetAtt": ["Queue", "Arn"]},
                    }
                ),
            },
        },
        "Hears": {
            "Type": "AWS::SNS::Subscription",
            "Properties": {
                "TopicArn": {"Ref": "Topic"},
                "Protocol": "sqs",
                "Endpoint": {"Fn::GetAtt": ["Queue", "Arn"]},
            },
        },
        "Alarm": alarm(),
        **changes,
    }


def raised(account: Account, stack: str) -> tuple[list[str], str]:
    """Raise the stack's alarm; return the states that the queue heard of, and what it says."""
    cloudwatch, sqs = account.client("cloudwatch"), account.client("sqs")
    name = account.resource(stack, "Alarm")
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="calm")
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="test")
    found = sqs.receive_message(
        QueueUrl=account.resource(stack, "Queue"), MaxNumberOfMessages=10, WaitTimeSeconds=0
    )
    heard = [json.loads(json.loads(m["Body"])["Message"]) for m in found.get("Messages", [])]
    history = cloudwatch.describe_alarm_history(AlarmName=name, HistoryItemType="Action")
    newest = history["AlarmHistoryItems"][0]["HistorySummary"]
    return [message["NewStateValue"] for message in heard], newest


def test_an_alarm_is_heard_where_both_policies_allow_it(account: Account) -> None:
    with account.stack(paging()) as stack:
        heard, said = raised(account, stack)
        assert heard == ["ALARM"]
        assert said.startswith("Successfully executed action")
        topic = account.resource(stack, "Topic")
        attributes = account.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]
        assert attributes["KmsMasterKeyId"] == account.resource(stack, "Key")
        assert account.server.audit(stack) == []


def test_an_alarm_says_since_when_it_is_raised_whatever_is_changed_of_it(account: Account) -> None:
    cloudwatch = account.client("cloudwatch")
    began = datetime.now(UTC).replace(microsecond=0)
    with account.stack({"Alarm": alarm(AlarmActions=[])}) as stack:
        name = account.resource(stack, "Alarm")
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="test")
        (raised,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        assert began <= raised["StateTransitionedTimestamp"] <= datetime.now(UTC)
        account.update(stack, {"Alarm": alarm(AlarmActions=[], Threshold=1)})
        (changed,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        assert changed["Threshold"] == 1
        assert changed["StateValue"] == "ALARM"
        assert changed["StateTransitionedTimestamp"] == raised["StateTransitionedTimestamp"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"Policy": topic_policy("Deny")}, "not authorized to perform: sns:Publish"),
        ({"Policy": topic_policy("Allow", "222222222222")}, "to perform: sns:Publish"),
        ({"Key": key()}, "not authorized to perform: kms:Decrypt"),
        ({"Key": key("kms:Decrypt")}, "not authorized to perform: kms:GenerateDataKey"),
    ],
)
def test_an_alarm_without_permission_is_not_heard_and_says_why(
    account: Account, changes: dict[str, Any], reason: str
) -> None:
    with account.stack(paging(**changes)) as stack:
        heard, said = raised(account, stack)
        assert heard == []
        assert said.startswith("Failed to execute action")
        assert reason in said


def test_an_alarm_over_a_query_is_shown_and_changed_in_place(account: Account) -> None:
    with account.stack(paging()) as stack:
        name = account.resource(stack, "Alarm")
        account.update(stack, paging(Alarm=alarm(Threshold=7, AlarmDescription="why")))
        assert account.resource(stack, "Alarm") == name
        (shown,) = account.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
        assert shown["Metrics"][0]["Expression"] == QUERY
        assert (shown["Threshold"], shown["AlarmDescription"]) == (7, "why")
        assert shown["TreatMissingData"] == "notBreaching"
        assert "MetricName" not in shown


def test_an_alarm_over_an_expression_is_shown(account: Account) -> None:
    dimensions = [{"Name": "Cluster", "Value": "one"}]
    metric = {"Namespace": "Test", "MetricName": "broken", "Dimensions": dimensions}
    queries = [
        {"Id": "percent", "Expression": "100 * broken", "ReturnData": True},
        {
            "Id": "broken",
            "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"},
            "ReturnData": False,
        },
    ]
    with account.stack(paging(Alarm=alarm(Metrics=queries))) as stack:
        name = account.resource(stack, "Alarm")
        (shown,) = account.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
        assert shown["Metrics"] == queries
        assert account.server.audit(stack) == []


def test_an_alarm_over_a_metric_is_evaluated(account: Account) -> None:
    metric = {"Namespace": "Test", "MetricName": "broken", "Period": 60, "Statistic": "Maximum"}
    dimensions = [{"Name": "Cluster", "Value": "one"}]
    over_metric = alarm(**metric, Dimensions=dimensions, EvaluationPeriods=1)
    del over_metric["Properties"]["Metrics"]
    with account.stack(paging(Alarm=over_metric)) as stack:
        cloudwatch = account.client("cloudwatch")
        name = account.resource(stack, "Alarm")

        def put(value: float, cluster: str) -> None:
            of = [{"Name": "Cluster", "Value": cluster}]
            datum = {"MetricName": "broken", "Value": value, "Dimensions": of}
            cloudwatch.put_metric_data(Namespace="Test", MetricData=[datum])

        def state() -> str:
            (shown,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
            return str(shown["StateValue"])

        put(0, "one")
        eventually("the alarm is calm", lambda: state() == "OK")
        put(1, "another")
        assert state() == "OK"
        put(1, "one")
        eventually("the alarm is raised", lambda: state() == "ALARM")
        assert account.server.audit(stack) == []


def test_who_may_put_metrics_of_one_namespace_may_put_no_others(account: Account) -> None:
    allowed = {
        "Effect": "Allow",
        "Action": "cloudwatch:PutMetricData",
        "Resource": "*",
        "Condition": {"StringEquals": {"cloudwatch:namespace": "mindforce"}},
    }
    data = [{"MetricName": "passed", "Value": 1}]
    with account.stack({"Role": role("account", allowed)}) as stack:
        cloudwatch = account.assume(account.resource(stack, "Role")).client("cloudwatch")
        cloudwatch.put_metric_data(Namespace="mindforce", MetricData=data)
        with pytest.raises(ClientError, match="not authorized to perform: cloudwatch:PutMetric"):
            cloudwatch.put_metric_data(Namespace="AWS/Billing", MetricData=data)
    (metric,) = account.client("cloudwatch").list_metrics(MetricName="passed")["Metrics"]
    assert metric["Namespace"] == "mindforce"


HALF_A_DAY = {"Id": "q", "Expression": QUERY, "Period": 43_200, "ReturnData": True}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ThresholdMetricId": "q"}, "property ThresholdMetricId is not emulated"),
        ({"TreatMissingData": "perhaps"}, "TreatMissingData is 'perhaps'; it must be one of"),
        ({"ComparisonOperator": "Above"}, "ComparisonOperator is 'Above'; it must be one of"),
        ({"MetricName": "a", "Namespace": "b"}, "can't be given together with MetricName"),
        ({"EvaluationPeriods": 1441}, "looks back 86460 s; it may look back a day"),
        (
            {"EvaluationPeriods": 15, "Metrics": [HALF_A_DAY]},
            "looks back 648000 s; it may look back seven days",
        ),
        ({"DatapointsToAlarm": 6}, "DatapointsToAlarm is more than EvaluationPeriods"),
        ({"Metrics": [{"Id": "q", "Expression": QUERY}]}, "query q needs a Period"),
        ({"Metrics": [{"Id": "q", "Label": "x"}]}, "property Label is not emulated"),
        ({"Metrics": [{"Id": "q"}]}, "metric q needs Expression or MetricStat"),
    ],
)
def test_a_wrong_alarm_is_refused(account: Account, change: dict[str, Any], reason: str) -> None:
    with pytest.raises(StackFailedError, match=reason):
        account.create("wrong-alarm", paging(Alarm=alarm(**change)))
    account.delete("wrong-alarm")


def test_mail_waits_for_its_confirmation(account: Account) -> None:
    inline = {"Protocol": "email", "Endpoint": "one@example.com"}
    resources = {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"Subscription": [inline]}}}
    with account.stack(resources) as stack:
        sns = account.client("sns")
        topic = account.resource(stack, "Topic")
        made = sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="two@example.com")
        assert made["SubscriptionArn"] == "pending confirmation"
        shown = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        assert {(s["Endpoint"], s["SubscriptionArn"]) for s in shown} == {
            ("one@example.com", "PendingConfirmation"),
            ("two@example.com", "PendingConfirmation"),
        }
        attributes = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
        assert attributes["SubscriptionsPending"] == "2"


def test_a_policy_of_no_topic_and_an_unknown_property_are_refused(account: Account) -> None:
    nowhere = f"arn:aws:sns:eu-central-1:{ACCOUNT}:nowhere"
    properties = {"Topics": [nowhere], "PolicyDocument": document()}
    orphan = {"Policy": {"Type": "AWS::SNS::TopicPolicy", "Properties": properties}}
    traced = {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TracingConfig": "Active"}}}
    for resources, reason in ((orphan, "does not exist"), (traced, "TracingConfig is not")):
        with pytest.raises(StackFailedError, match=reason):
            account.create("wrong-topic", resources)
        account.delete("wrong-topic")


def test_a_dashboard_that_is_none_is_refused(account: Account) -> None:
    def dashboard(body: object) -> dict[str, Any]:
        properties = {"DashboardBody": json.dumps(body)}
        return {"Board": {"Type": "AWS::CloudWatch::Dashboard", "Properties": properties}}

    with account.stack(dashboard({"widgets": [{"type": "text", "properties": {}}]})) as stack:
        name = account.resource(stack, "Board")
        cloudwatch = account.client("cloudwatch")
        body = json.loads(cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"])
        assert body["widgets"][0]["type"] == "text"
        with pytest.raises(cloudwatch.exceptions.ClientError, match="isn't a list of widgets"):
            cloudwatch.put_dashboard(DashboardName=name, DashboardBody="[]")
    with pytest.raises(StackFailedError, match="widgets of type clock"):
        account.create("wrong-board", dashboard({"widgets": [{"type": "clock"}]}))
    account.delete("wrong-board")


def test_who_lists_alarms_may_see_all_of_them(account: Account) -> None:
    def looker(name: str) -> dict[str, Any]:
        arn = f"arn:aws:cloudwatch:eu-central-1:{ACCOUNT}:alarm:{name}"
        made = role("account", {"Action": "cloudwatch:DescribeAlarms", "Resource": arn})
        made["Properties"]["RoleName"] = f"looks-at-{'all' if name == '*' else name}"
        return made

    with account.stack({"All": looker("*"), "One": looker("one")}):
        account.assume("looks-at-all").client("cloudwatch").describe_alarms()
        with pytest.raises(ClientError, match="not authorized to perform: cloudwatch:Describe"):
            account.assume("looks-at-one").client("cloudwatch").describe_alarms()
