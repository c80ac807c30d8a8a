"""CloudWatch alarms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from aws_cdk import CfnResource
from constructs import Construct

MissingData = Literal["breaching", "notBreaching", "ignore", "missing"]
Comparison = Literal["GreaterThanThreshold", "GreaterThanOrEqualToThreshold", "LessThanThreshold"]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One CloudWatch metric, a data point a minute."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    statistic: Literal["Sum", "Maximum", "Average", "Minimum"]

    def stat(self) -> dict[str, Any]:
        """Return the MetricStat of a metric query."""
        dimensions = [{"Name": name, "Value": value} for name, value in self.dimensions.items()]
        metric = {"Namespace": self.namespace, "MetricName": self.name, "Dimensions": dimensions}
        return {"Metric": metric, "Period": PERIOD_SECONDS, "Stat": self.statistic}


PERIOD_SECONDS = 60
"""AWS/EKS, AWS/ApplicationELB, AWS/NATGateway and AWS/AutoScaling publish once a minute."""


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """What wakes a person: a bound that is broken for so many minutes on end."""

    name: str
    """Also the name of its runbook."""
    meaning: str
    """One sentence for who is woken."""
    source: Metric | str | tuple[str, Mapping[str, Metric]]
    """A metric, a Metrics Insights query, or an expression over metrics by id."""
    comparison: Comparison
    threshold: float
    minutes: int
    missing_data: MissingData

    @property
    def description(self) -> str:
        return f"{self.meaning} What to do: docs/runbooks/{self.name}.md"

    def watched(self) -> dict[str, Any]:
        """Return the template properties that say what is watched."""
        if isinstance(self.source, Metric):
            stat = self.source.stat()
            return {**stat["Metric"], "Period": stat["Period"], "Statistic": stat["Stat"]}
        expression, metrics = (self.source, {}) if isinstance(self.source, str) else self.source
        watched = {"Id": "watched", "Expression": expression, "ReturnData": True}
        # A query has no metric to take its period from.
        period = {} if metrics else {"Period": PERIOD_SECONDS}
        queries = [
            {"Id": id, "MetricStat": metric.stat(), "ReturnData": False}
            for id, metric in metrics.items()
        ]
        return {"Metrics": [{**watched, **period}, *queries]}


class Alarms(Construct):
    """Alarms that tell a topic when they are raised, and when they are over."""

    def __init__(
        self, scope: Construct, id: str, *, prefix: str, alarms: Sequence[Alarm], topic_arn: str
    ) -> None:
        """Name each alarm `prefix-name`, because the name is what a person gets to read."""
        super().__init__(scope, id)
        for alarm in alarms:
            CfnResource(
                self,
                alarm.name,
                type="AWS::CloudWatch::Alarm",
                properties={
                    "AlarmName": f"{prefix}-{alarm.name}",
                    "AlarmDescription": alarm.description,
                    **alarm.watched(),
                    "ComparisonOperator": alarm.comparison,
                    "Threshold": alarm.threshold,
                    "EvaluationPeriods": alarm.minutes,
                    "DatapointsToAlarm": alarm.minutes,
                    "TreatMissingData": alarm.missing_data,
                    "AlarmActions": [topic_arn],
                    "OKActions": [topic_arn],
                },
            )
