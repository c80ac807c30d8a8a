"""The database's rows, dumped on a schedule for the restore drill to prove them."""

from k8s.database_client import database_url
from k8s.database_network import DUMPS
from k8s.database_roles import DUMP
from k8s.database_settings import PORT
from k8s.drill_image import Manifest, cron_job
from k8s.secret_store import DRIVER, FOLDER, ROLE_ANNOTATION, provider_spec

LIMIT_SECONDS = 3600
"""How long one may take; a dump that has no manifest by then isn't whole."""
_RETRIES = 2


def database_dump(
    *,
    namespace: str,
    members: Manifest,
    image: str,
    schedule: str,
    region: str,
    role_arn: str,
    secret_arn: str,
    bucket: str,
    cpu: str,
    memory: str,
) -> list[Manifest]:
    """Return the CronJob, with its account, its password and its ways out.

    `members` are the labels of the database's pods, `secret_arn` is of the role `dump`'s password;
    `role_arn` may read that and put dumps into `bucket`.
    """
    metadata = {"name": DUMPS, "namespace": namespace}
    container = {
        "name": "dump",
        "command": ["/usr/bin/python3", "-m", "delivery.data"],
        "args": [f"--bucket={bucket}"],
        "env": [
            {"name": "AWS_DEFAULT_REGION", "value": region},
            {"name": "DATABASE_URL", "value": database_url(namespace, DUMP)},
            {"name": "DATABASE_PASSWORD_FILE", "value": f"{FOLDER}/{DUMP}"},
        ],
    }
    secrets = {
        "driver": DRIVER,
        "readOnly": True,
        "volumeAttributes": {"secretProviderClass": DUMPS},
    }
    return [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {**metadata, "annotations": {ROLE_ANNOTATION: role_arn}},
            "automountServiceAccountToken": False,
        },
        {
            "apiVersion": "secrets-store.csi.x-k8s.io/v1",
            "kind": "SecretProviderClass",
            "metadata": metadata,
            "spec": provider_spec(region, {DUMP: secret_arn}),
        },
        _ways_out(metadata, members),
        cron_job(
            DUMPS,
            namespace=namespace,
            image=image,
            schedule=schedule,
            limit_seconds=LIMIT_SECONDS,
            retries=_RETRIES,
            container=container,
            # Nothing of a dump is ever on a disk.
            volumes={
                FOLDER: {"csi": secrets},
                "/tmp": {"emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}},
            },
            token=False,
            cpu=cpu,
            memory=memory,
        ),
    ]


def _ways_out(metadata: Manifest, members: Manifest) -> Manifest:
    """Return the ways to the database, and to S3 and STS, which have no fixed addresses."""
    rules = [
        {
            "to": [{"podSelector": {"matchLabels": members}}],
            "ports": [{"port": PORT, "protocol": "TCP"}],
        },
        {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"port": 443, "protocol": "TCP"}]},
    ]
    selected = {"matchLabels": {"app.kubernetes.io/name": DUMPS}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata,
        "spec": {"podSelector": selected, "policyTypes": ["Egress"], "egress": rules},
    }
