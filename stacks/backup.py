"""Where an environment's backups go, and who makes them."""

from aws_cdk import Duration
from constructs import Construct

from config.backup import BACKUP_NAMESPACE
from config.model import Environment
from mindforce.backup_bucket import BackupBucket
from mindforce.backup_role import BackupRole
from mindforce.repository_password import RepositoryPassword
from mindforce.trust import pod_identity_trust
from mindforce.velero import NAME
from stacks.environment_stack import EnvironmentStack


class BackupStack(EnvironmentStack):
    """The backup bucket, apart from what it backs up, and the role that Velero's part of it is for.

    The database's roles and the drill's are beside what uses them, each for prefixes of its own.
    """

    def __init__(self, scope: Construct, id: str, *, config: Environment) -> None:
        super().__init__(scope, id, config=config)
        self.backups = BackupBucket(
            self,
            "Backups",
            noncurrent_expiration=Duration.days(config.backup.noncurrent_days),
            dump_expiration=Duration.days(config.backup.hourly_days),
        )
        self.password = RepositoryPassword(self, "Repository")
        self.role = BackupRole(
            self,
            "Role",
            backups=self.backups,
            trust=pod_identity_trust(
                cluster=f"arn:aws:eks:{config.region}:{config.account}:cluster/{config.name}",
                by="arn",
                namespace=BACKUP_NAMESPACE,
                service_account=NAME,
            ),
            account=config.account,
            region=config.region,
            password_arn=self.password.arn,
        )
