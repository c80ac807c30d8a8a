"""The alarm of backups that nobody has proven."""

from mindforce.alarms import Alarm, Metric

METRIC_NAMESPACE = "mindforce"
_PERIOD_HOURS = 12


def drill_alarm(*, environment: str, hours: int) -> Alarm:
    """Return what is raised when no drill has passed for so many hours, a multiple of 12.

    CloudWatch looks back seven days at the most.
    """
    return Alarm(
        name="restore-drill",
        meaning=f"No restore drill has passed for {hours} hours.",
        source=Metric(
            namespace=METRIC_NAMESPACE,
            name="RestoreDrillPassed",
            dimensions={"Environment": environment},
            statistic="Maximum",
        ),
        comparison="LessThanThreshold",
        threshold=1,
        minutes=60 * hours,
        period_seconds=3600 * _PERIOD_HOURS,
        # A drill that didn't run has proven nothing.
        missing_data="breaching",
    )
