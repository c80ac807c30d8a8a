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
    """One CloudWatch metric."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    statistic: Literal["Sum", "Maximum", "Average", "Minimum"]


PERIOD_SECONDS = 60
"""AWS/EKS, AWS/ApplicationELB, AWS/NATGateway and AWS/AutoScaling publish once a minute."""


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """What wakes a person: a bound that is broken for so many minutes on end."""

    name: str
    """Also the name of its runbook."""
    meaning: str
    """One sentence for who is woken."""
    source: Metric | str
    """A metric, or a Metrics Insights query."""
    comparison: Comparison
    threshold: float
    minutes: int
    missing_data: MissingData
    period_seconds: int = PERIOD_SECONDS

    @property
    def description(self) -> str:
        return f"{self.meaning} What to do: docs/runbooks/{self.name}.md"

    @property
    def periods(self) -> int:
        return self.minutes * 60 // self.period_seconds

    def watched(self) -> dict[str, Any]:
        """Return the template properties that say what is watched."""
        if isinstance(self.source, Metric):
            metric = self.source
            dimensions = [{"Name": n, "Value": value} for n, value in metric.dimensions.items()]
            return {
                "Namespace": metric.namespace,
                "MetricName": metric.name,
                "Dimensions": dimensions,
                "Statistic": metric.statistic,
                "Period": self.period_seconds,
            }
        query = {"Id": "watched", "Expression": self.source, "ReturnData": True}
        return {"Metrics": [{**query, "Period": self.period_seconds}]}


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
                    "EvaluationPeriods": alarm.periods,
                    "DatapointsToAlarm": alarm.periods,
                    "TreatMissingData": alarm.missing_data,
                    "AlarmActions": [topic_arn],
                    "OKActions": [topic_arn],
                },
            )
