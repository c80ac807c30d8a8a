"""The dashboard of a platform on EKS."""

import json
from collections.abc import Sequence
from typing import Any

from aws_cdk import CfnResource
from constructs import Construct

_COLUMNS = 24
_HEIGHT = 6

Line = list[Any]


class Dashboard(Construct):
    """One page: alarms first, then the service, the cluster, the nodes and the way out."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        cluster_name: str,
        region: str,
        alarm_arns: Sequence[str],
        cluster_log_group: str,
    ) -> None:
        super().__init__(scope, id)

        def graph(title: str, *lines: Line) -> dict[str, Any]:
            properties = {"title": title, "region": region, "metrics": lines, "period": 60}
            return {"type": "metric", "properties": {**properties, "view": "timeSeries"}}

        def eks(metric: str, statistic: str) -> Line:
            return ["AWS/EKS", metric, "ClusterName", cluster_name, {"stat": statistic}]

        balancers = "AWS/ApplicationELB,LoadBalancer"
        groups = "AWS/AutoScaling,AutoScalingGroupName"
        gateways = "AWS/NATGateway,NatGatewayId"
        rows = [
            [{"type": "alarm", "properties": {"title": "Alarms", "alarms": list(alarm_arns)}}],
            [
                graph("Requests", _all(balancers, "RequestCount", "Sum")),
                graph(
                    "Answers of 5xx",
                    _all(balancers, "HTTPCode_Target_5XX_Count", "Sum"),
                    _all(balancers, "HTTPCode_ELB_5XX_Count", "Sum"),
                ),
                graph(
                    "Response time, 99th percentile",
                    _all(balancers, "TargetResponseTime", "p99"),
                ),
            ],
            [
                graph(
                    "Pods without a node",
                    eks("scheduler_pending_pods_UNSCHEDULABLE", "Maximum"),
                    eks("scheduler_pending_pods", "Maximum"),
                ),
                graph(
                    "Kubernetes API requests",
                    eks("apiserver_request_total", "Sum"),
                    eks("apiserver_request_total_5XX", "Sum"),
                    eks("apiserver_request_total_429", "Sum"),
                ),
                graph("etcd, bytes", eks("apiserver_storage_size_bytes", "Maximum")),
            ],
            [
                graph(
                    "Nodes",
                    _all(groups, "GroupInServiceInstances", "Maximum"),
                    _all(groups, "GroupDesiredCapacity", "Maximum"),
                    _all(groups, "GroupMaxSize", "Maximum"),
                ),
                graph("Nodes' CPU, %", _all("AWS/EC2,InstanceId", "CPUUtilization", "Average")),
                graph(
                    "NAT gateways",
                    _all(gateways, "BytesOutToDestination", "Sum"),
                    _all(gateways, "ErrorPortAllocation", "Sum"),
                ),
            ],
            [_refused(region, cluster_log_group)],
        ]
        CfnResource(
            self,
            "Dashboard",
            type="AWS::CloudWatch::Dashboard",
            properties={
                "DashboardName": name,
                "DashboardBody": json.dumps({"widgets": _placed(rows)}, separators=(",", ":")),
            },
        )


def _all(schema: str, metric: str, statistic: str) -> Line:
    """Return every metric of a name, of whatever has been there in the time that is shown."""
    term = f'{{{schema}}} MetricName="{metric}"'
    return [{"expression": f"SEARCH('{term}', '{statistic}', 60)"}]


def _refused(region: str, log_group: str) -> dict[str, Any]:
    query = (
        f"SOURCE '{log_group}' | fields @timestamp, user.username, verb, objectRef.resource, "
        "objectRef.namespace | filter @logStream like 'kube-apiserver-audit' "
        "| filter responseStatus.code in [401, 403] | sort @timestamp desc | limit 50"
    )
    title = "Requests that the Kubernetes API refused"
    properties = {"title": title, "region": region, "query": query, "view": "table"}
    return {"type": "log", "properties": properties}


def _placed(rows: Sequence[Sequence[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return the widgets with their places: a row's share its width."""
    return [
        {
            "x": column * (_COLUMNS // len(row)),
            "y": line * _HEIGHT,
            "width": _COLUMNS // len(row),
            "height": _HEIGHT,
            **widget,
        }
        for line, row in enumerate(rows)
        for column, widget in enumerate(row)
    ]
