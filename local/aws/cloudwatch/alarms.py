"""AWS::CloudWatch::Alarm over a metric, an expression or a Metrics Insights query.

One over a metric is evaluated by MiniStack; the others are kept as they are given, and change
their state by SetAlarmState only.
"""

from collections.abc import Mapping
from typing import Any

from local.aws import internals
from local.aws.cloudwatch import transitions
from local.aws.resource_types import (
    Attributes,
    NotEmulatedError,
    Properties,
    ResourceType,
    physical_name,
    refuse_unknown,
    register,
    words,
)

_NAME = "AWS::CloudWatch::Alarm"
_SINGLE = words("Dimensions ExtendedStatistic MetricName Namespace Period Statistic Unit")
_COMPARISONS = words(
    "GreaterThanOrEqualToThreshold GreaterThanThreshold LessThanOrEqualToThreshold "
    "LessThanThreshold"
)
_MISSING = words("breaching ignore missing notBreaching")
_HOUR = 3600
"""From this period on an alarm may look back a week (PutMetricAlarm, Period)."""


def install() -> None:
    register(
        ResourceType(
            name=_NAME,
            properties=_SINGLE
            | words(
                "ActionsEnabled AlarmActions AlarmDescription AlarmName ComparisonOperator "
                "DatapointsToAlarm EvaluationPeriods InsufficientDataActions Metrics OKActions "
                "Threshold TreatMissingData"
            ),
            create_only=words("AlarmName"),
            create=_create,
            update=_put,
            delete=_delete,
            read=_read,
            reads=words("Threshold EvaluationPeriods"),
        )
    )


def _create(logical_id: str, properties: Properties, stack: str) -> tuple[str, Attributes]:
    name = properties.get("AlarmName") or physical_name(stack, logical_id, 255)
    return name, _put(name, {}, properties)


def _put(name: str, _old: Properties, new: Properties) -> Attributes:
    _check(new)
    cloudwatch, provisioners = _service(), _provisioners()
    if "Metrics" in new:
        record = provisioners._cw_metric_alarm_record(
            name, {**_without(new, "Metrics"), "MetricName": "-", "Namespace": "-"}
        )
        record = {key: value for key, value in record.items() if key not in _SINGLE}
        record["Metrics"] = [_query(query) for query in new["Metrics"]]
    else:
        single = {**new, "Dimensions": _dimensions(new)}
        record = provisioners._cw_metric_alarm_record(name, single)
    # Its state is left as it is.
    if since := cloudwatch._alarms.get(name, {}).get(transitions.FIELD):
        record[transitions.FIELD] = since
    cloudwatch.cloudformation_put_metric_alarm(record)
    cloudwatch.cloudformation_set_metric_alarm_tags(name, list(new.get("Tags", [])))
    return {"Arn": record["AlarmArn"]}


def _delete(name: str, _properties: Properties) -> None:
    _service().cloudformation_delete_metric_alarm(name, refuse_dependents=True)


def _read(name: str, _properties: Properties) -> Properties | None:
    record = _service()._alarms.get(name)
    if record is None:
        return None
    return {key: record[key] for key in ("Threshold", "EvaluationPeriods")}


def _check(new: Properties) -> None:
    """Raise ValueError for what PutMetricAlarm refuses."""
    for name, accepted in (("ComparisonOperator", _COMPARISONS), ("TreatMissingData", _MISSING)):
        value = new.get(name, "missing")
        if value not in accepted:
            raise ValueError(
                f"{name} is {value!r}; it must be one of {', '.join(sorted(accepted))}"
            )
    if "Metrics" in new and (both := sorted(_SINGLE & set(new))):
        raise ValueError(f"Metrics can't be given together with {', '.join(both)}")
    periods = [int(query["Period"]) for query in new.get("Metrics", []) if "Period" in query]
    period = max([int(new.get("Period", 0)), *periods])
    longest = period * int(new["EvaluationPeriods"])
    days = 7 if period >= _HOUR else 1
    if longest > days * 24 * _HOUR:
        may = "seven days" if days > 1 else "a day: its period is under an hour"
        raise ValueError(f"the alarm looks back {longest} s; it may look back {may}")
    if int(new.get("DatapointsToAlarm", 1)) > int(new["EvaluationPeriods"]):
        raise ValueError("DatapointsToAlarm is more than EvaluationPeriods")


def _query(query: Properties) -> dict[str, Any]:
    refuse_unknown(f"{_NAME} Metrics", query, words("Expression Id MetricStat Period ReturnData"))
    if ("Expression" in query) == ("MetricStat" in query):
        raise ValueError(f"metric {query['Id']} needs Expression or MetricStat, and not both")
    kept = dict(query)
    if "MetricStat" in query:
        kept["MetricStat"] = _stat(query["MetricStat"])
    elif query["Expression"].startswith("SELECT") and "Period" not in query:
        raise ValueError(f"the Metrics Insights query {query['Id']} needs a Period")
    return kept


def _stat(stat: Properties) -> dict[str, Any]:
    refuse_unknown(f"{_NAME} Metrics.MetricStat", stat, words("Metric Period Stat"))
    metric = stat["Metric"]
    refuse_unknown(
        f"{_NAME} Metrics.MetricStat.Metric", metric, words("Dimensions MetricName Namespace")
    )
    if not metric.get("MetricName") or not metric.get("Namespace"):
        raise NotEmulatedError("A metric without MetricName or Namespace is not emulated.")
    return {**stat, "Metric": {**metric, "Dimensions": _dimensions(metric)}}


def _dimensions(metric: Properties) -> list[dict[str, str]]:
    return [
        {"Name": dimension["Name"], "Value": dimension["Value"]}
        for dimension in metric.get("Dimensions", [])
    ]


def _without(properties: Properties, name: str) -> Mapping[str, Any]:
    return {key: properties[key] for key in properties if key != name}


def _service() -> Any:
    return internals.module("services.cloudwatch")


def _provisioners() -> Any:
    return internals.module("services.cloudformation.provisioners")
