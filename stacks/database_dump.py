"""Dumps of the database, wired: their role, their password, their schedule."""

from config.database import DATABASE_NAMESPACE, DUMP, Database
from config.model import Environment
from k8s.database import LABELS
from k8s.database_dump import database_dump
from k8s.database_network import DUMPS
from mindforce.backup_bucket import BackupBucket
from mindforce.database_archive import dump_statements
from mindforce.database_secret import DatabaseSecret, read_statement
from mindforce.manifest import Objects
from mindforce.web_identity import WebIdentity


def dump_rows(
    *,
    config: Environment,
    database: Database,
    identity: WebIdentity,
    secret: DatabaseSecret,
    backups: BackupBucket,
    image: str,
) -> Objects:
    """Return what dumps the rows on the table's schedule, by a role that does nothing else."""
    role = identity.role(
        "Dump",
        description="Dumps the database's rows",
        namespace=DATABASE_NAMESPACE,
        service_accounts=[DUMPS],
        statements=[*dump_statements(backups, region=config.region), read_statement(secret)],
    )
    return database_dump(
        namespace=DATABASE_NAMESPACE,
        members=dict(LABELS),
        image=image,
        schedule=database.dumps,
        region=config.region,
        role_arn=role,
        secret_arn=secret.arn,
        bucket=backups.bucket.bucket_name,
        cpu=f"{DUMP.cpu_millis}m",
        memory=f"{DUMP.memory_mib}Mi",
    )
