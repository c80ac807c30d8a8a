"""Every Kubernetes object of production, rendered.

As the stacks do it, but with plain text where those have references: without the cost of CDK.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from cdk8s import App

from config.backup import BACKUP_NAMESPACE, CLAIMS, DRILL, FRESHNESS, MOVER
from config.capacity import Room
from config.database import DATABASE_NAMESPACE, DUMP, MAX_CONNECTIONS
from config.environments import PROD
from config.log_agent import LOGGING_NAMESPACE
from config.quantities import memory_mib
from config.workloads import POOL_SIZE, WEB_NAMESPACE
from k8s import velero
from k8s.backup_freshness import backup_freshness
from k8s.database import LABELS, DatabaseChart
from k8s.database_backup import DatabaseBackupChart
from k8s.database_client import DatabaseClient, DatabaseClientChart
from k8s.database_dump import database_dump
from k8s.database_hook import database_hook
from k8s.log_agent import LogAgentChart
from k8s.migrations import MigrationsChart
from k8s.namespace import NamespaceChart
from k8s.network import POD_IDENTITY
from k8s.priority import PriorityChart
from k8s.restore_drill import restore_drill
from k8s.storage import STORAGE_CLASS, StorageChart
from k8s.web import WebChart
from stacks.access import everywhere, in_namespace, starting

Object = Mapping[str, Any]
REGION, BACKUP, WEB = PROD.region, PROD.backup, PROD.web
BUCKET = "backups"
WORKLOADS = [WEB_NAMESPACE, *([DATABASE_NAMESPACE] if PROD.database else [])]


def objects() -> list[Object]:
    """Render all that an environment's stacks apply."""
    return [*_cluster(), *_backups(), *_logging(), *_database(), *_web(), *_drill()]


def _cluster() -> Iterator[Object]:
    yield from StorageChart(App(), "storage", key_arn="arn:of:key").to_json()
    yield from PriorityChart(App(), "priorities").to_json()
    yield from everywhere(PROD.access.roles)


def _backups() -> Iterator[Object]:
    space = BACKUP_NAMESPACE
    yield from _namespace(space, BACKUP.share, claims=CLAIMS)
    yield velero.egress(namespace=space, credentials=POD_IDENTITY)
    yield velero.agent_config(namespace=space, **_requests(MOVER))
    yield velero.password_provider(namespace=space, region=REGION, secret_arn="arn:of:it")
    yield from velero.password_rights(namespace=space)
    location = velero.StorageLocation(
        namespace=space, bucket=BUCKET, region=REGION, key_arn="arn:of:key"
    )
    yield location.manifest()
    yield velero.SnapshotLocation(namespace=space, region=REGION).manifest()
    hooked = PROD.database and BACKUP.volumes != "none"
    hooks = [database_hook(DATABASE_NAMESPACE)] if hooked else []
    for name, cron, days, spaces in (
        ("hourly", BACKUP.hourly, BACKUP.hourly_days, WORKLOADS),
        ("daily", BACKUP.daily, BACKUP.daily_days, ["*"]),
    ):
        schedule = velero.Schedule(
            name=name,
            namespace=space,
            cron=cron,
            keep_days=days,
            namespaces=spaces,
            snapshot_volumes=BACKUP.volumes != "none",
            move_data=BACKUP.volumes == "move",
            hooks=hooks,
        )
        yield schedule.manifest()


def _logging() -> Iterator[Object]:
    agent = PROD.log_agent
    if not agent:
        return
    yield from _namespace(LOGGING_NAMESPACE, agent.share)
    chart = LogAgentChart(
        App(),
        "log-agent",
        namespace=LOGGING_NAMESPACE,
        image=agent.image,
        cpu_millis=agent.cpu_millis,
        memory_mib=agent.memory_mib,
        buffer_mib=agent.buffer_mib,
        region=REGION,
        log_group="/logs",
    )
    yield from chart.to_json()


def _database() -> Iterator[Object]:
    app, database = App(), PROD.database
    if not database:
        return
    yield from _namespace(DATABASE_NAMESPACE, database.share, claims=database.members)
    chart = DatabaseChart(
        app,
        "database",
        namespace=DATABASE_NAMESPACE,
        client_namespace=WEB_NAMESPACE,
        image=database.image,
        members=database.members,
        cpu=database.cpu,
        memory=database.memory,
        memory_mib=memory_mib(database.memory),
        max_connections=MAX_CONNECTIONS,
        storage_class=STORAGE_CLASS,
        storage_gib=database.storage_gib,
        keep_full_backups=database.keep_full_backups,
        region=REGION,
        role_arn="arn:of:archive",
        bucket=BUCKET,
        secrets={"app": "arn:of:app", "dump": "arn:of:dump", "members": "arn:of:members"},
    )
    yield from chart.to_json()
    backup = DatabaseBackupChart(
        app,
        "backup",
        namespace=DATABASE_NAMESPACE,
        image=database.image,
        full=database.full_backups,
        differential=database.differential_backups,
    )
    yield from backup.to_json()
    yield from database_dump(
        namespace=DATABASE_NAMESPACE,
        members=dict(LABELS),
        image=BACKUP.drill_image,
        schedule=database.dumps,
        region=REGION,
        role_arn="arn:of:dump",
        secret_arn="arn:of:dump",
        bucket=BUCKET,
        **_requests(DUMP),
    )


def _web() -> Iterator[Object]:
    app, client, domain = App(), None, PROD.platform.domain
    load_balancers = int(WEB.load_balancer == "network")
    yield from _namespace(WEB_NAMESPACE, WEB.share, load_balancers=load_balancers)
    yield from in_namespace(PROD.access.roles, WEB_NAMESPACE)
    if PROD.database:
        client = DatabaseClient(namespace=DATABASE_NAMESPACE, role_arn="arn:of:client")
        yield from _client(app, client)
    chart = WebChart(
        app,
        "web",
        namespace=WEB_NAMESPACE,
        image=WEB.image,
        min_replicas=WEB.min_replicas,
        max_replicas=WEB.max_replicas,
        target_cpu_percent=WEB.target_cpu_percent,
        target_memory_percent=WEB.target_memory_percent,
        cpu=WEB.cpu,
        memory=WEB.memory,
        progress_deadline_seconds=WEB.rollout_seconds,
        host=domain.name if domain else None,
        certificate_arn="arn:of:certificate" if domain else None,
        load_balancer=WEB.load_balancer,
        load_balancer_subnets={f"subnet-{n}": f"10.30.{n}.0/24" for n in range(3)},
        database=client,
        database_pool_size=POOL_SIZE,
    )
    yield from chart.to_json()


def _client(app: App, client: DatabaseClient) -> Iterator[Object]:
    way = DatabaseClientChart(
        app,
        "client",
        namespace=WEB_NAMESPACE,
        database_namespace=DATABASE_NAMESPACE,
        region=REGION,
        secret_arn="arn:of:app",
    )
    yield from way.to_json()
    migrations = MigrationsChart(
        app,
        "migrations",
        namespace=WEB_NAMESPACE,
        image=WEB.image,
        database=client,
        timeout_seconds=WEB.rollout_seconds,
    )
    yield from migrations.to_json()


def _drill() -> Iterator[Object]:
    database = PROD.database
    yield from restore_drill(
        namespace=BACKUP_NAMESPACE,
        namespaces=WORKLOADS,
        image=BACKUP.drill_image,
        schedule=BACKUP.drill,
        environment=PROD.name,
        region=REGION,
        max_age_hours=BACKUP.drill_max_age_hours,
        storage_class=STORAGE_CLASS,
        storage_gib=database.storage_gib if database else 0,
        **_requests(DRILL),
    )
    yield from backup_freshness(
        namespace=BACKUP_NAMESPACE,
        image=BACKUP.drill_image,
        environment=PROD.name,
        region=REGION,
        gaps=BACKUP.gaps,
        **_requests(FRESHNESS),
    )
    yield from starting(PROD.access.roles, [BACKUP_NAMESPACE, *WORKLOADS])


def _namespace(
    name: str, share: Room, *, claims: int = 0, load_balancers: int = 0
) -> Iterator[Object]:
    chart = NamespaceChart(
        App(), name, name=name, claims=claims, load_balancers=load_balancers, **asdict(share)
    )
    yield from chart.to_json()


def _requests(room: Room) -> dict[str, str]:
    return {"cpu": f"{room.cpu_millis}m", "memory": f"{room.memory_mib}Mi"}
