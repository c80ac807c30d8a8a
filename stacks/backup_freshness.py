"""What looks for late backups, wired: its role, its rights in the cluster."""

from constructs import Construct

from config.backup import BACKUP_NAMESPACE, FRESHNESS
from config.model import Environment
from k8s.backup_freshness import NAME, backup_freshness
from mindforce.backup_alarm import METRIC_NAMESPACE
from mindforce.drill_role import metric_statement
from mindforce.manifest import Objects
from mindforce.pod_identity import PodIdentity


def look_for_late_backups(
    scope: Construct, *, config: Environment, image: str
) -> tuple[Objects, PodIdentity]:
    """Return what publishes how late backups are, and the identity that it needs before it runs."""
    identity = PodIdentity(
        scope,
        "BackupFreshnessIdentity",
        cluster_name=config.name,
        namespace=BACKUP_NAMESPACE,
        service_account=NAME,
        statements=[metric_statement(METRIC_NAMESPACE)],
    )
    objects = backup_freshness(
        namespace=BACKUP_NAMESPACE,
        image=image,
        environment=config.name,
        region=config.region,
        gaps=config.backup.gaps,
        cpu=f"{FRESHNESS.cpu_millis}m",
        memory=f"{FRESHNESS.memory_mib}Mi",
    )
    return objects, identity
