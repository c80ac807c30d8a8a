"""Log groups that forget."""

from aws_cdk import RemovalPolicy, aws_logs
from constructs import Construct


class LogGroup(aws_logs.LogGroup):
    """A log group that forgets after so many days, and goes with its stack unless it is kept."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        retention_days: int,
        name: str | None = None,
        keep: bool = False,
    ) -> None:
        policy = RemovalPolicy.RETAIN if keep else RemovalPolicy.DESTROY
        super().__init__(scope, id, log_group_name=name, removal_policy=policy)
        group = self.node.default_child
        assert isinstance(group, aws_logs.CfnLogGroup)
        # CDK has words for the numbers that CloudWatch takes, and none for a number.
        group.retention_in_days = retention_days
