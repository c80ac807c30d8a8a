"""Velero, wired: its namespace, its release with its role, where and when it makes backups."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import cache

from cdk8s import App
from constructs import Construct

from config.backup import AGENT, BACKUP_NAMESPACE, CLAIMS, MOVER, SERVER, Volumes
from config.capacity import Room
from config.database import DATABASE_NAMESPACE
from config.model import Environment
from config.workloads import WEB_NAMESPACE
from k8s import velero
from k8s.database_hook import database_hook
from k8s.namespace import NamespaceChart
from k8s.network import POD_IDENTITY
from k8s.restore_drill import targets
from mindforce.manifest import Manifest, Objects
from mindforce.velero import Velero
from stacks.backup import BackupStack
from stacks.cluster import ClusterStack


def make_backups(
    scope: Construct, *, config: Environment, cluster: ClusterStack, backup: BackupStack
) -> None:
    """Run Velero in the cluster, and have it make backups as the table says."""
    here = Construct(scope, "Velero")
    eks = cluster.cluster.cluster
    mover = _requests(MOVER)
    first = Manifest(
        here,
        "Namespace",
        cluster=eks,
        objects=[
            *_namespace(config.backup.share),
            velero.egress(namespace=BACKUP_NAMESPACE, credentials=POD_IDENTITY),
            velero.agent_config(namespace=BACKUP_NAMESPACE, **mover),
            velero.password_provider(
                namespace=BACKUP_NAMESPACE, region=config.region, secret_arn=backup.password.arn
            ),
            *velero.password_rights(namespace=BACKUP_NAMESPACE),
        ],
        overwrite=True,
        # Restores in it wait for the server to tidy up after them, which has gone by then.
        keep=True,
    )
    release = Velero(
        here,
        "Velero",
        cluster=eks,
        cluster_name=config.name,
        namespace=BACKUP_NAMESPACE,
        role_arn=backup.role.arn,
        role_name=backup.role.name,
        volume_statements=cluster.disk_key.volume_statements,
        secret_volumes=velero.password_volumes(),
        secret_mounts=velero.password_mounts(),
        server=_requests(SERVER),
        agent=_requests(AGENT),
        mover=mover,
        agent_config=velero.AGENT_CONFIG,
        image_address=cluster.address,
        after=[first],
    )
    objects = Manifest(
        here,
        "Objects",
        cluster=eks,
        objects=[
            velero.StorageLocation(
                namespace=BACKUP_NAMESPACE,
                bucket=backup.backups.bucket.bucket_name,
                region=config.region,
                key_arn=backup.backups.key.key_arn,
            ).manifest(),
            velero.SnapshotLocation(namespace=BACKUP_NAMESPACE, region=config.region).manifest(),
            *_schedules(config),
        ],
        overwrite=True,
    )
    objects.node.add_dependency(release)


def _schedules(config: Environment) -> Objects:
    wanted = config.backup
    volumes: Volumes = wanted.volumes
    # Without its volumes there is nothing of the database to be made consistent.
    hooked = config.database is not None and volumes != "none"
    hooks = [database_hook(DATABASE_NAMESPACE)] if hooked else []

    def schedule(
        name: str,
        cron: str,
        days: int,
        namespaces: Sequence[str],
        excluded: Sequence[str] = (),
    ) -> velero.Schedule:
        return velero.Schedule(
            name=name,
            namespace=BACKUP_NAMESPACE,
            cron=cron,
            keep_days=days,
            namespaces=namespaces,
            excluded=excluded,
            snapshot_volumes=volumes != "none",
            move_data=volumes == "move",
            hooks=hooks,
        )

    workloads = [WEB_NAMESPACE, *([DATABASE_NAMESPACE] if config.database else [])]
    # What Velero keeps of volumes that it moves would be restored beside what a restore makes of
    # them, and no volume could be (its issues 7057, 9802). A drill's namespaces are copies.
    passing = [BACKUP_NAMESPACE, *targets(workloads)]
    return [
        schedule("hourly", wanted.hourly, wanted.hourly_days, workloads).manifest(),
        schedule("daily", wanted.daily, wanted.daily_days, ["*"], passing).manifest(),
    ]


def _requests(room: Room) -> dict[str, str]:
    return {"cpu": f"{room.cpu_millis}m", "memory": f"{room.memory_mib}Mi"}


# The same for every environment, and a chart costs more than all else here.
@cache
def _namespace(share: Room) -> Objects:
    chart = NamespaceChart(
        App(),
        "velero",
        name=BACKUP_NAMESPACE,
        pod_security="baseline",
        claims=CLAIMS,
        **asdict(share),
    )
    namespace: Objects = chart.to_json()
    return namespace
