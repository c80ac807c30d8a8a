"""The restore drill, wired: its role, its rights in the cluster, its schedule."""

from collections.abc import Sequence

from constructs import Construct, IDependable

from config.backup import BACKUP_NAMESPACE, DRILL
from config.model import Environment
from k8s.restore_drill import NAME, restore_drill
from k8s.storage import STORAGE_CLASS
from mindforce.backup_bucket import BackupBucket
from mindforce.drill_alarm import METRIC_NAMESPACE
from mindforce.drill_role import drill_statements
from mindforce.pod_identity import PodIdentity
from mindforce.rollout import RolloutGate
from stacks.access import starting
from stacks.backup_freshness import look_for_late_backups


def drill_restores(
    scope: Construct,
    *,
    config: Environment,
    backups: BackupBucket,
    gate: RolloutGate,
    image: str,
    namespaces: Sequence[str],
    after: Sequence[IDependable],
) -> None:
    """Have the newest backup of these namespaces restored and compared, on the table's schedule.

    And have somebody look between two drills whether there are new ones, and let people start what
    the table says: a manifest each would be one call more of CDK's function.
    """
    identity = PodIdentity(
        scope,
        "RestoreDrillIdentity",
        cluster_name=config.name,
        namespace=BACKUP_NAMESPACE,
        service_account=NAME,
        statements=drill_statements(
            backups, region=config.region, metric_namespace=METRIC_NAMESPACE
        ),
    )
    manifest = restore_drill(
        namespace=BACKUP_NAMESPACE,
        namespaces=namespaces,
        image=image,
        schedule=config.backup.drill,
        environment=config.name,
        region=config.region,
        max_age_hours=config.backup.drill_max_age_hours,
        storage_class=STORAGE_CLASS,
        # Restored, rows take what they take in a member.
        storage_gib=config.database.storage_gib if config.database else 0,
        cpu=f"{DRILL.cpu_millis}m",
        memory=f"{DRILL.memory_mib}Mi",
    )
    late, looking = look_for_late_backups(scope, config=config, image=image)
    starters = starting(config.access.roles, [BACKUP_NAMESPACE, *namespaces])
    gate.apply(
        "RestoreDrill",
        [*manifest, *late, *starters],
        prune=False,
        after=[*after, identity, looking],
    )
