"""Where an environment's backups go."""

from aws_cdk import Duration, Stack
from constructs import Construct

from config.model import Environment
from mindforce.backup_bucket import BackupBucket


class BackupStack(Stack):
    """The backup bucket, apart from what it backs up."""

    def __init__(self, scope: Construct, id: str, *, config: Environment) -> None:
        super().__init__(scope, id, termination_protection=config.deletion_protection)
        self.backups = BackupBucket(
            self, "Backups", noncurrent_expiration=Duration.days(config.backup.noncurrent_days)
        )
