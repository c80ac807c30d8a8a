"""The schema, brought to where a release needs it before its pods serve."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from cdk8s import Chart
from cdk8s_plus_27 import k8s as kube
from constructs import Construct

from config.quantities import image_problems, rollout_problems
from k8s.checks import require
from k8s.database_client import PROVIDER, DatabaseClient
from k8s.pods import resources, restricted_container, restricted_pod
from k8s.secret_store import secret_mount, secret_volume, service_account

NAME = "migrations"
LABELS: Mapping[str, str] = {"app.kubernetes.io/name": NAME}
COMMAND = ("/usr/bin/python3.13", "-m", "service.migrate")
CPU, MEMORY = "50m", "128Mi"
RETRIES = 2
"""A migration that couldn't get a lock in time is tried again; what is wrong stays wrong."""


class MigrationsChart(Chart):
    """A Job for each release, since Jobs can't be changed; a failed one stops the roll-out."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        namespace: str,
        image: str,
        database: DatabaseClient,
        timeout_seconds: int,
    ) -> None:
        """Raises ConfigError for an image without tag or digest, or a time that nobody waits."""
        super().__init__(scope, id)
        require(
            f"{namespace}/{NAME}",
            image_problems(image),
            rollout_problems(timeout_seconds, "timeout_seconds"),
        )
        service_account(self, namespace=namespace, name=NAME, role_arn=database.role_arn)
        container = kube.Container(
            name=NAME,
            image=image,
            image_pull_policy="IfNotPresent",
            command=list(COMMAND),
            env=database.environment(pool_size=1),
            resources=resources(CPU, MEMORY),
            security_context=restricted_container(),
            volume_mounts=[secret_mount()],
        )
        spec = kube.JobSpec(
            # Whoever waits for it gives up first, while its pods can still say why.
            active_deadline_seconds=timeout_seconds + 60,
            backoff_limit=RETRIES,
            template=kube.PodTemplateSpec(
                metadata=kube.ObjectMeta(labels=dict(LABELS)),
                spec=kube.PodSpec(
                    restart_policy="Never",
                    service_account_name=NAME,
                    automount_service_account_token=False,
                    enable_service_links=False,
                    security_context=restricted_pod(65532),
                    containers=[container],
                    volumes=[secret_volume(PROVIDER)],
                ),
            ),
        )
        name = job_name(image, kube.KubeJob.manifest(spec=spec))
        metadata = kube.ObjectMeta(name=name, namespace=namespace, labels=dict(LABELS))
        kube.KubeJob(self, "Job", metadata=metadata, spec=spec)


def job_name(image: str, manifest: Mapping[str, Any]) -> str:
    """Return a name that carries the release, and changes with all that the Job is made of."""
    _, _, digest = image.partition("@sha256:")
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    release = digest[:12] or re.sub(r"[^a-z0-9]+", "-", tag.lower()).strip("-")[:30].strip("-")
    made_of = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
    return f"{NAME}-{release}-{made_of[:8]}"
