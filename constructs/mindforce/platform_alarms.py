"""The alarms of a platform on EKS, over metrics that AWS publishes without an agent.

What grows slowly, and what AWS mends by itself, is on the dashboard and wakes nobody: etcd's
size, the ports of NAT gateways, single failures of the API server.

AWS/EKS is published for clusters of 1.28 and newer (EKS user guide, "Fetch control plane raw
metrics"), AWS/AutoScaling for managed node groups by default. Load balancers and
groups come and go: Metrics Insights queries watch them over the whole account, which holds one
environment.
"""

from collections.abc import Sequence
from typing import Literal

from mindforce.alarms import Alarm, Metric


def platform_alarms(
    *, cluster_name: str, max_nodes: int, web_errors_per_minute: int, sees_requests: bool = True
) -> Sequence[Alarm]:
    """Return what deserves waking a person.

    Without `sees_requests` the load balancer passes connections on, and nobody counts requests.
    """

    def eks(name: str, statistic: Literal["Sum", "Maximum"]) -> Metric:
        dimensions = {"ClusterName": cluster_name}
        return Metric(namespace="AWS/EKS", name=name, dimensions=dimensions, statistic=statistic)

    balancers = "AWS/ApplicationELB" if sees_requests else "AWS/NetworkELB"
    alarms = [
        Alarm(
            name="pods-pending",
            meaning="Pods have found no node for 15 minutes.",
            source=eks("scheduler_pending_pods_UNSCHEDULABLE", "Maximum"),
            comparison="GreaterThanThreshold",
            threshold=0,
            minutes=15,
            # A control plane that says nothing has an alarm of its own.
            missing_data="notBreaching",
        ),
        Alarm(
            name="nodes-at-bound",
            meaning=f"The node groups have had all the {max_nodes} nodes they may for 15 minutes.",
            source='SELECT SUM(GroupDesiredCapacity) FROM SCHEMA("AWS/AutoScaling", '
            "AutoScalingGroupName)",
            comparison="GreaterThanOrEqualToThreshold",
            threshold=max_nodes,
            minutes=15,
            # A group without nodes publishes nothing.
            missing_data="notBreaching",
        ),
        Alarm(
            name="api-server-silent",
            meaning="The control plane has reported no request for 15 minutes.",
            source=eks("apiserver_request_total", "Sum"),
            comparison="LessThanThreshold",
            threshold=1,
            minutes=15,
            # Silence is what it is about.
            missing_data="breaching",
        ),
        Alarm(
            name="web-unhealthy",
            meaning="The load balancer has had no healthy target for 3 minutes.",
            # Not by target group: of one that says nothing there would be nothing to alarm about.
            source=f'SELECT MAX(HealthyHostCount) FROM SCHEMA("{balancers}", LoadBalancer, '
            "TargetGroup)",
            comparison="LessThanThreshold",
            threshold=1,
            minutes=3,
            # Healthy targets are counted where any is registered, and pods that crash aren't.
            missing_data="breaching",
        ),
    ]
    return [*alarms, *_failed_requests(web_errors_per_minute)] if sees_requests else alarms


def _failed_requests(per_minute: int) -> Sequence[Alarm]:
    return [
        Alarm(
            name="web-errors",
            meaning=f"The web service fails over {per_minute} requests a minute.",
            source='SELECT SUM(HTTPCode_Target_5XX_Count) FROM SCHEMA("AWS/ApplicationELB", '
            "LoadBalancer)",
            comparison="GreaterThanThreshold",
            threshold=per_minute,
            minutes=5,
            # Without errors there is no data point.
            missing_data="notBreaching",
        ),
        Alarm(
            name="load-balancer-errors",
            meaning=f"Load balancers fail over {per_minute} requests a minute.",
            source='SELECT SUM(HTTPCode_ELB_5XX_Count) FROM SCHEMA("AWS/ApplicationELB", '
            "LoadBalancer)",
            comparison="GreaterThanThreshold",
            threshold=per_minute,
            minutes=5,
            # Without errors there is no data point.
            missing_data="notBreaching",
        ),
    ]
