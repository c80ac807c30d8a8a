"""The alarm of backups that are late."""

from mindforce.alarms import Alarm, Metric

METRIC_NAMESPACE = "mindforce/backups"


def backup_alarm(*, environment: str, hours: int) -> Alarm:
    """Return what is raised when a backup has been overdue for so many hours on end."""
    return Alarm(
        name="backup-late",
        meaning=f"A whole backup has been overdue for {hours} hours, or nobody says that none is.",
        source=Metric(
            namespace=METRIC_NAMESPACE,
            name="BackupOverdueHours",
            dimensions={"Environment": environment},
            # Late for a moment of the hour, as while one is made, is not late.
            statistic="Minimum",
        ),
        comparison="GreaterThanThreshold",
        threshold=0,
        minutes=60 * hours,
        period_seconds=3600,
        # Who looks for late ones is late as well.
        missing_data="breaching",
    )
