"""What people look at in an account when an alarm has woken them."""

from collections.abc import Mapping, Sequence

from aws_cdk import Aws

from mindforce.policy import Statement

Sights = Mapping[str, Sequence[Statement]]
"""Statements by what they let one look at."""


def sights(*, account: str, region: str, cluster_name: str, key_arn: str) -> Sights:
    """Return each sight of an environment: reading only, and nothing that holds data."""
    dashboard = f"arn:{Aws.PARTITION}:cloudwatch::{Aws.ACCOUNT_ID}:dashboard/{cluster_name}"
    logs = f"arn:{Aws.PARTITION}:logs:{region}:{account}:log-group:/aws/eks/{cluster_name}"
    # Lists know no single alarms.
    alarms = f"arn:{Aws.PARTITION}:cloudwatch:{Aws.REGION}:{Aws.ACCOUNT_ID}:alarm:*"
    return {
        "alarms": [{"Action": "cloudwatch:DescribeAlarms", "Resource": alarms}],
        "dashboard": [
            {"Action": "cloudwatch:GetDashboard", "Resource": dashboard},
            {
                "Action": [
                    "cloudwatch:GetMetricData",
                    "cloudwatch:ListDashboards",
                    "cloudwatch:ListMetrics",
                ],
                "Resource": "*",  # IAM knows no single metrics, and lists of dashboards no resource
            },
        ],
        "logs": [
            {
                "Action": [
                    "logs:FilterLogEvents",
                    "logs:GetQueryResults",
                    "logs:StartQuery",
                ],
                # The control plane's, and the pods' where an agent sends them: log streams and all.
                "Resource": [f"{logs}/cluster:*", f"{logs}/pods:*"],
            },
            {
                "Action": "logs:DescribeLogGroups",
                "Resource": "*",  # a list of names, which knows no resource
            },
        ],
        "cluster-key": [{"Action": "kms:DescribeKey", "Resource": key_arn}],
    }
