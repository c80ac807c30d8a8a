"""Velero in a cluster of these tests: its chart applied, its program run with given credentials."""

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from delivery import velero
from delivery.cluster import Cluster as Api
from delivery.cluster import connect
from k8s.velero import (
    StorageLocation,
    password_mounts,
    password_provider,
    password_rights,
    password_volumes,
)
from local import processes
from local.kubernetes import addons
from local.kubernetes.addon_manifests import definitions
from local.kubernetes.addon_table import ADDONS
from local.kubernetes.control_plane import ControlPlane
from local.kubernetes.controllers import Controllers
from local.paths import cache
from local.tools import velero as built
from tests.local_aws.clusters import Cluster
from tests.local_aws.support import ACCOUNT, REGION, eventually
from tests.local_kubernetes.velero_values import VALUES
from tests.outage import Outage

Identity = Callable[[str, str], Mapping[str, Any] | None]
_MAINTENANCE = {
    "repositoryMaintenanceJob": {
        "repositoryConfigData": {"global": {"keepLatestMaintenanceJobs": 1}}
    }
}
ADD_ON = "aws-secrets-store-csi-driver-provider"


@dataclass(frozen=True)
class Velero:
    """Velero where it is installed, and whether its program runs."""

    cluster: Cluster
    plane: ControlPlane
    api: Api

    @property
    def pid(self) -> int | None:
        return processes.running(self.plane.directory / "run" / "velero-velero.controller.pid")

    @property
    def waits(self) -> str:
        """Why its pod waits, as the kubelet's events would say."""
        log = self.plane.directory / "logs" / "controllers.log"
        return log.read_text() if log.exists() else ""

    def look_at(self, bucket: str, by: Outage | None = None) -> None:
        """Have backups go to a bucket, and wait until it is available."""
        item = StorageLocation(namespace=velero.NAMESPACE, bucket=bucket, region=REGION).manifest()
        if by:
            item["spec"]["config"] |= {"s3Url": by.url, "s3ForcePathStyle": "true"}
        path = f"{velero.GROUP}/backupstoragelocations"
        self.api.delete(f"{path}/{velero.LOCATION}")
        self.api.create(path, item)

        def available() -> bool:
            found = self.api.get(f"{path}/{velero.LOCATION}").get("status", {})
            return bool(found.get("phase") == "Available")

        eventually("the bucket is available", available, seconds=60)


@contextmanager
def installed(
    cluster: Cluster, tools: Path, identity: Identity, *, secret: str | None = None
) -> Iterator[Velero]:
    """Install Velero, which waits for the repository's password of `secret` if there is one."""
    plane = ControlPlane(cluster.folder, tools)
    folder = built.ensure(cache(), print)
    values: dict[str, Any] = {
        **VALUES,
        "configuration": {**VALUES["configuration"], **_MAINTENANCE},
    }
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": velero.NAMESPACE}}
    plane.client.apply(space)
    # Its kinds are enough: it finds no volumes.
    for kind in definitions(ADDONS["snapshot-controller"]):
        plane.client.apply(kind)
    if secret:
        addons.apply(
            plane,
            ADD_ON,
            region=REGION,
            account=ACCOUNT,
        )
        wanted = [
            password_provider(namespace=velero.NAMESPACE, region=REGION, secret_arn=secret),
            *password_rights(namespace=velero.NAMESPACE),
        ]
        items = json.dumps({"apiVersion": "v1", "kind": "List", "items": wanted})
        plane.kubectl("apply", "--filename=-", stdin=items)
        values |= {"extraVolumes": password_volumes(), "extraVolumeMounts": password_mounts()}
    plane.kubectl("apply", "--server-side", "--filename=-", stdin=_rendered(folder, tools, values))
    controllers = Controllers(
        plane, binaries=[folder], aws_endpoint=cluster.account.server.endpoint, identity=identity
    )
    controllers.start()
    try:
        with connect(plane.admin_kubeconfig) as api:
            yield Velero(cluster, plane, api)
    finally:
        # It tidies up after each as long as it runs.
        restores = ("restores.velero.io", "--all", f"--namespace={velero.NAMESPACE}")
        plane.kubectl("delete", *restores, "--timeout=60s")
        controllers.stop()
        plane.kubectl("delete", "namespace", velero.NAMESPACE)


def _rendered(folder: Path, tools: Path, values: Mapping[str, Any]) -> str:
    chart = folder / built.CHARTS / built.NAME
    words = ["template", "velero", str(chart), "--include-crds", "--values=-"]
    done = subprocess.run(
        [str(tools / "helm"), *words, f"--namespace={velero.NAMESPACE}"],
        input=json.dumps(values),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
