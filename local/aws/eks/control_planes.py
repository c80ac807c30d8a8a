"""The real control planes of the clusters: one each, in its own folder, ended with the server."""

import contextvars
import shutil
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from local.aws.eks import pod_credentials
from local.aws.eks.service import EksError, Key
from local.aws.settings import Settings
from local.kubernetes.control_plane import ControlPlane
from local.kubernetes.controllers import Controllers


class ControlPlanes:
    """Starts, finds and stops control planes; safe for use by several threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._running: dict[Key, ControlPlane] = {}
        self._controllers: dict[Key, Controllers] = {}
        self._lock = threading.Lock()
        self._ending = False

    def folder(self, key: Key) -> Path:
        return self._settings.clusters / f"{key.account}-{key.region}-{key.name}"

    def remove_leftovers(self) -> None:
        """End what a killed server left running and remove its folders."""
        for folder in self._settings.clusters.glob("*"):
            self._remove(ControlPlane(folder, self._settings.tools))

    def start(self, key: Key, token: str, *, issuer: str, service_cidr: str) -> ControlPlane:
        """Return when the cluster's API server is ready; raises ControlPlaneError."""
        plane = ControlPlane(self.folder(key), self._settings.tools)
        with self._lock:
            if self._ending:
                raise EksError("ServerException", "The emulator is ending.")
            self._running[key] = plane
        controllers = self._new_controllers(key, plane)
        path = f"{key.account}/{key.region}/{key.name}/{token}"
        plane.start(
            token_webhook_url=f"{self._settings.endpoint}/_ministack/eks-auth/{path}",
            service_account_issuer=issuer,
            service_cidr=service_cidr,
            gateway=controllers is not None,
        )
        if controllers:
            controllers.start()
        return plane

    def _new_controllers(self, key: Key, plane: ControlPlane) -> Controllers | None:
        if not self._settings.controllers:
            return None
        # Its threads act in the account and region of the request that makes the cluster.
        request = contextvars.copy_context()

        def identity(namespace: str, account: str) -> Mapping[str, Any] | None:
            return request.copy().run(pod_credentials.find, key.name, namespace, account)

        self._controllers[key] = Controllers(
            plane,
            binaries=self._settings.controllers,
            aws_endpoint=self._settings.endpoint,
            identity=identity,
        )
        return self._controllers[key]

    def all(self) -> Mapping[Key, ControlPlane]:
        return dict(self._running)

    def find(self, key: Key) -> ControlPlane:
        plane = self._running.get(key)
        if plane is None:
            raise EksError("InvalidRequestException", f"Cluster {key.name} has no control plane.")
        return plane

    def stop(self, key: Key) -> None:
        """End the cluster and remove its folder; fine when it has none."""
        controllers = self._controllers.pop(key, None)
        if controllers is not None:
            controllers.stop()
        plane = self._running.pop(key, None)
        if plane is not None:
            self._remove(plane)

    def stop_all(self) -> None:
        """End all clusters at once; none starts after this."""
        with self._lock:
            self._ending = True
            planes = list(self._running.values())
            controllers = list(self._controllers.values())
        for one in controllers:
            one.stop()
        with ThreadPoolExecutor(max_workers=max(len(planes), 1)) as pool:
            list(pool.map(ControlPlane.stop, planes))

    @staticmethod
    def _remove(plane: ControlPlane) -> None:
        plane.stop()
        shutil.rmtree(plane.directory, ignore_errors=True)
