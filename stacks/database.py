"""The database, wired: its secrets, its archive's role, its charts."""

from collections.abc import Callable, Sequence
from dataclasses import asdict

from cdk8s import App
from constructs import Construct, IDependable

from config.database import DATABASE_NAMESPACE, MAX_CONNECTIONS, Database
from config.model import Environment
from config.quantities import memory_mib
from config.workloads import WEB_NAMESPACE
from k8s.database import DatabaseChart
from k8s.database_backup import DatabaseBackupChart
from k8s.database_client import DatabaseClient, DatabaseClientChart
from k8s.database_member import NAME
from k8s.database_network import CLIENTS
from k8s.database_settings import SCOPE
from k8s.migrations import MigrationsChart
from k8s.namespace import NamespaceChart
from k8s.storage import STORAGE_CLASS
from mindforce.backup_bucket import BackupBucket
from mindforce.cluster import Cluster
from mindforce.database_archive import archive_statements
from mindforce.database_secret import DatabaseSecret, read_statement
from mindforce.rollout import RolloutGate
from mindforce.web_identity import WebIdentity
from stacks.database_dump import dump_rows


def stand_database(
    scope: Construct,
    *,
    config: Environment,
    database: Database,
    charts: App,
    gate: RolloutGate,
    cluster: Cluster,
    backups: BackupBucket,
    image_address: Callable[[str], str],
    after: Sequence[IDependable],
) -> tuple[DatabaseClient, IDependable]:
    """Stand the database up, bring its schema to the web service's release, and let that use it.

    Returns how, and what may use it only then.
    """
    here = Construct(scope, "Database")
    app = DatabaseSecret(here, "App", description="Password of the application's database role")
    members = DatabaseSecret(
        here, "Members", description="Password of the database's members among themselves"
    )
    dump = DatabaseSecret(here, "Dump", description="Password of the role that dumps the rows")
    identity = WebIdentity(here, "Identity", issuer_url=cluster.issuer_url)
    archive_role = identity.role(
        "Archive",
        description="Archives the database",
        namespace=DATABASE_NAMESPACE,
        service_accounts=[NAME],
        statements=[
            *archive_statements(backups, prefix=SCOPE, region=config.region),
            read_statement(app, dump, members),
        ],
    )
    client_role = identity.role(
        "Client",
        description="Reads the password of the application's database role",
        namespace=WEB_NAMESPACE,
        service_accounts=list(CLIENTS),
        statements=[read_statement(app)],
    )
    image = image_address(database.image)
    namespace = NamespaceChart(
        charts,
        "database-namespace",
        name=DATABASE_NAMESPACE,
        claims=database.members,
        **asdict(database.share),
    )
    chart = DatabaseChart(
        charts,
        "database",
        namespace=DATABASE_NAMESPACE,
        client_namespace=WEB_NAMESPACE,
        image=image,
        members=database.members,
        cpu=database.cpu,
        memory=database.memory,
        memory_mib=memory_mib(database.memory),
        max_connections=MAX_CONNECTIONS,
        storage_class=STORAGE_CLASS,
        storage_gib=database.storage_gib,
        keep_full_backups=database.keep_full_backups,
        region=config.region,
        role_arn=archive_role,
        bucket=backups.bucket.bucket_name,
        secrets={"app": app.arn, "dump": dump.arn, "members": members.arn},
    )
    backup = DatabaseBackupChart(
        charts,
        "database-backup",
        namespace=DATABASE_NAMESPACE,
        image=image,
        full=database.full_backups,
        differential=database.differential_backups,
    )
    dumps = dump_rows(
        config=config,
        database=database,
        identity=identity,
        secret=dump,
        backups=backups,
        image=image_address(config.backup.drill_image),
    )
    standing = gate.apply(
        "Database",
        [*namespace.to_json(), *chart.to_json(), *backup.to_json(), *dumps],
        prune=False,
        timeout_seconds=database.rollout_seconds,
        # Its first start already writes to the archive.
        after=[*after, identity],
    )
    access = DatabaseClient(namespace=DATABASE_NAMESPACE, role_arn=client_role)
    way = DatabaseClientChart(
        charts,
        "database-client",
        namespace=WEB_NAMESPACE,
        database_namespace=DATABASE_NAMESPACE,
        region=config.region,
        secret_arn=app.arn,
    )
    migrations = MigrationsChart(
        charts,
        "migrations",
        namespace=WEB_NAMESPACE,
        image=image_address(config.web.image),
        database=access,
        timeout_seconds=config.web.rollout_seconds,
    )
    migrated = gate.apply(
        "Migrations",
        [*way.to_json(), *migrations.to_json()],
        timeout_seconds=config.web.rollout_seconds,
        after=[standing],
    )
    return access, migrated
