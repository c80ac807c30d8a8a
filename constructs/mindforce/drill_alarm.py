"""The alarms of backups that nobody has proven, and of one that was refuted."""

from collections.abc import Sequence
from dataclasses import replace

from mindforce.alarms import Alarm, Metric

METRIC_NAMESPACE = "mindforce"
_PERIOD_HOURS = 12


def drill_alarms(*, environment: str, hours: int) -> Sequence[Alarm]:
    """Return what is raised when no drill has passed for so many hours, and when one has failed.

    `hours` is a multiple of 12. CloudWatch looks back seven days at the most.
    """
    passed = Metric(
        namespace=METRIC_NAMESPACE,
        name="RestoreDrillPassed",
        dimensions={"Environment": environment},
        statistic="Maximum",
    )
    return (
        Alarm(
            name="restore-drill",
            meaning=f"No restore drill has passed for {hours} hours.",
            source=passed,
            comparison="LessThanThreshold",
            threshold=1,
            minutes=60 * hours,
            period_seconds=3600 * _PERIOD_HOURS,
            # A drill that didn't run has proven nothing.
            missing_data="breaching",
        ),
        # The one above is silent for as long as an earlier drill's pass counts.
        Alarm(
            name="restore-drill-failed",
            meaning="A restore drill has failed within the last hour.",
            source=replace(passed, statistic="Minimum"),
            comparison="LessThanThreshold",
            threshold=1,
            minutes=60,
            period_seconds=3600,
            missing_data="notBreaching",
        ),
    )
