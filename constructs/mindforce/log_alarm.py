"""The alarm of logs that don't arrive."""

from mindforce.alarms import Alarm, Metric
from mindforce.pod_logs import pod_log_group


def log_alarm(*, cluster_name: str) -> Alarm:
    """Return what is raised when no line of any pod has arrived for half an hour.

    The agents don't tell: what CloudWatch refuses they try again without an end, and are healthy.
    """
    return Alarm(
        name="pod-logs-silent",
        meaning="No line of any pod has arrived in its log group for 30 minutes.",
        source=Metric(
            namespace="AWS/Logs",
            name="IncomingLogEvents",
            dimensions={"LogGroupName": pod_log_group(cluster_name)},
            statistic="Sum",
        ),
        comparison="LessThanThreshold",
        threshold=1,
        minutes=30,
        # Silence is what it is about; the cluster's own pods are never silent for so long.
        missing_data="breaching",
    )
