"""Where an environment's backups go, and who makes them."""

from aws_cdk import Duration
from constructs import Construct

from config.model import Environment
from mindforce.backup_bucket import BackupBucket
from mindforce.backup_role import BackupRole
from mindforce.trust import pod_identity_trust
from stacks.environment_stack import EnvironmentStack

VELERO = ("velero", "velero")
"""Velero's namespace, and its service account there."""


class BackupStack(EnvironmentStack):
    """The backup bucket, apart from what it backs up, and the one role that may use it."""

    def __init__(self, scope: Construct, id: str, *, config: Environment) -> None:
        super().__init__(scope, id, config=config)
        self.backups = BackupBucket(
            self, "Backups", noncurrent_expiration=Duration.days(config.backup.noncurrent_days)
        )
        namespace, service_account = VELERO
        self.role = BackupRole(
            self,
            "Role",
            backups=self.backups,
            trust=pod_identity_trust(
                cluster_arn=f"arn:aws:eks:{config.region}:{config.account}:cluster/{config.name}",
                namespace=namespace,
                service_account=service_account,
            ),
            account=config.account,
            region=config.region,
        )
