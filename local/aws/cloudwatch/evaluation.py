"""An alarm over a metric looks at the metric of its own dimensions; MiniStack takes any."""

import operator
import time
from collections.abc import Mapping
from typing import Any

from local.aws import internals

_COMPARISONS = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanOrEqualToThreshold": operator.le,
    "LessThanThreshold": operator.lt,
}


def install() -> None:
    internals.replace(internals.module("services.cloudwatch"), "_evaluate_alarm", _evaluated)


def _evaluated(stock: Any) -> Any:
    def evaluate(alarm: dict[str, Any]) -> None:
        holds = _COMPARISONS.get(alarm.get("ComparisonOperator", ""))
        if holds is None or "MetricName" not in alarm:
            stock(alarm)
            return
        value = _value(alarm)
        if value is not None:
            said = f"{alarm['ComparisonOperator']} {alarm['Threshold']}: {value}"
            _settle(alarm, "ALARM" if holds(value, alarm["Threshold"]) else "OK", said)

    return evaluate


def _value(alarm: Mapping[str, Any]) -> float | None:
    """Return its statistic over all that it looks back on, None where nothing was measured."""
    cloudwatch = internals.module("services.cloudwatch")
    dimensions = cloudwatch._dims_from_list(alarm.get("Dimensions") or [])
    key = alarm["Namespace"], alarm["MetricName"], cloudwatch._dims_key(dimensions)
    since = time.time() - alarm["Period"] * alarm["EvaluationPeriods"]
    points = [p for p in cloudwatch._metrics.get(key) or [] if p["Timestamp"] >= since]
    if not points:
        return None
    statistic = alarm.get("ExtendedStatistic") or alarm["Statistic"]
    value: float | None = cloudwatch._stat_value(cloudwatch._calc_stats(points), statistic, points)
    return value


def _settle(alarm: dict[str, Any], new: str, reason: str) -> None:
    cloudwatch = internals.module("services.cloudwatch")
    old = alarm["StateValue"]
    if old == new:
        return
    alarm["StateValue"], alarm["StateReason"] = new, reason
    alarm["StateUpdatedTimestamp"] = int(time.time())
    cloudwatch._record_history(alarm["AlarmName"], old, new, reason)
    cloudwatch._dispatch_alarm_actions(alarm, old, new, reason)
    cloudwatch._evaluate_parent_alarms(alarm)
