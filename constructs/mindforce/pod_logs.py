"""Where pods' logs are kept, and who may write them."""

from aws_cdk import CfnDeletionPolicy, aws_logs
from constructs import Construct

from mindforce.pod_identity import PodIdentity


def pod_log_group(cluster_name: str) -> str:
    """Return the name of the log group of a cluster's pods."""
    return f"/aws/eks/{cluster_name}/pods"


class PodLogs(Construct):
    """A log group with a retention, and a role for one service account that can only add to it."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        cluster_name: str,
        region: str,
        account: str,
        retention_days: int,
        namespace: str,
        service_account: str,
    ) -> None:
        super().__init__(scope, id)
        self.log_group = pod_log_group(cluster_name)
        group = aws_logs.CfnLogGroup(
            self, "Group", log_group_name=self.log_group, retention_in_days=retention_days
        )
        group.cfn_options.deletion_policy = CfnDeletionPolicy.DELETE
        group.cfn_options.update_replace_policy = CfnDeletionPolicy.DELETE
        arn = f"arn:aws:logs:{region}:{account}:log-group:{self.log_group}"
        PodIdentity(
            self,
            "Identity",
            cluster_name=cluster_name,
            namespace=namespace,
            service_account=service_account,
            statements=[
                {"Action": ["logs:CreateLogStream"], "Resource": f"{arn}:*"},
                {"Action": ["logs:PutLogEvents"], "Resource": f"{arn}:log-stream:*"},
            ],
        )
