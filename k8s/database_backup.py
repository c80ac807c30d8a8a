"""When the database is backed up."""

from collections.abc import Mapping

from cdk8s import Chart
from cdk8s_plus_27 import k8s as kube
from constructs import Construct

from config.quantities import image_problems, schedule_problems
from k8s.checks import require
from k8s.database_member import NAME as DATABASE
from k8s.database_member import POSTGRES
from k8s.database_network import BACKUPS
from k8s.database_roles import BACKUP
from k8s.database_settings import VERIFIED
from k8s.pods import resources, restricted_container, restricted_pod
from k8s.secret_store import FOLDER, secret_mount, secret_volume

LABELS: Mapping[str, str] = {"app.kubernetes.io/name": BACKUPS}
START_SECONDS = 3600
"""How late a backup may start; later, the next one does."""
LIMIT_SECONDS = 6 * 3600
"""How long one may take before it counts as failed."""

_WORDS = " ".join(f"{key}={value}" for key, value in VERIFIED.items())
# The password goes from the mounted file to psql's environment: into no argument and no log.
_TAKE = f"""PGPASSWORD="$(cat {FOLDER}/members)" exec psql --no-psqlrc --quiet \\
    --set=ON_ERROR_STOP=1 \\
    "host={DATABASE} user={BACKUP} dbname=postgres connect_timeout=10 {_WORDS}" \\
    --command="CALL {BACKUP}.take('$0')"
"""


class DatabaseBackupChart(Chart):
    """Backups on schedules, each by the primary itself; a failed one is a failed Job."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        namespace: str,
        image: str,
        full: str,
        differential: str,
    ) -> None:
        """`full` and `differential` are cron schedules in UTC.

        The database lets nobody have a backup made but with the members' secret, which is mounted
        by the database's own service account and SecretProviderClass.
        Raises ConfigError for what is no schedule, and for an image without tag or digest.
        """
        super().__init__(scope, id)
        require(
            f"{namespace}/{BACKUPS}",
            image_problems(image),
            schedule_problems("full", full),
            schedule_problems("differential", differential),
        )
        for kind, schedule in (("full", full), ("diff", differential)):
            name = f"{DATABASE}-backup-{kind}"
            kube.KubeCronJob(
                self,
                kind,
                metadata=kube.ObjectMeta(name=name, namespace=namespace, labels=dict(LABELS)),
                spec=kube.CronJobSpec(
                    schedule=schedule,
                    time_zone="Etc/UTC",
                    concurrency_policy="Forbid",
                    starting_deadline_seconds=START_SECONDS,
                    successful_jobs_history_limit=1,
                    failed_jobs_history_limit=3,
                    job_template=kube.JobTemplateSpec(spec=_job(image, kind)),
                ),
            )


def _job(image: str, kind: str) -> kube.JobSpec:
    container = kube.Container(
        name="backup",
        image=image,
        image_pull_policy="IfNotPresent",
        command=["/bin/sh", "-c", _TAKE, kind],
        resources=resources("50m", "64Mi"),
        security_context=restricted_container(),
        volume_mounts=[secret_mount()],
    )
    return kube.JobSpec(
        active_deadline_seconds=LIMIT_SECONDS,
        backoff_limit=2,
        template=kube.PodTemplateSpec(
            metadata=kube.ObjectMeta(labels=dict(LABELS)),
            spec=kube.PodSpec(
                restart_policy="Never",
                service_account_name=DATABASE,
                automount_service_account_token=False,
                enable_service_links=False,
                security_context=restricted_pod(POSTGRES),
                containers=[container],
                volumes=[secret_volume(DATABASE)],
            ),
        ),
    )
