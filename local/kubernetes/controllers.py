"""Runs a program as a local process for each Deployment whose simulated pods hold it.

The process has what its pods would have: the container's arguments, the service account's token
and so its RBAC, the Secrets it mounts, and AWS credentials by Pod Identity.
"""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import processes
from local.kubernetes import secret_store
from local.kubernetes.client import Client, Object
from local.kubernetes.control_plane import ControlPlane
from local.kubernetes.errors import ControlPlaneError
from local.kubernetes.gateway import LOOPBACK, Gateway
from local.kubernetes.programs import Place, Program, program_of
from local.kubernetes.secret_store import SecretStore

DEPLOYMENTS = "apis/apps/v1/deployments"
POD_IDENTITY_AUDIENCE = "pods.eks.amazonaws.com"
TOKEN_SECONDS = 30 * 24 * 3600
LOOK_SECONDS = 3
"""How long a process that has ended by itself stays away, as a pod's back-off would have it."""

Identity = Callable[[str, str], Mapping[str, Any] | None]
"""From namespace and service account to credentials, None where no association gives any.

Raises PermissionError where one does, and its role lets no pod in.
"""


@dataclass(frozen=True, kw_only=True)
class _Process:
    template: Object
    namespace: str
    pid_file: Path
    ports: Mapping[str, int]


class Controllers:
    """The programs of one cluster: started, restarted and ended as its Deployments say."""

    def __init__(
        self,
        plane: ControlPlane,
        *,
        binaries: Sequence[Path],
        aws_endpoint: str,
        identity: Identity,
    ) -> None:
        self._plane = plane
        self._binaries = binaries
        self._aws_endpoint = aws_endpoint
        self._identity = identity
        self._running: dict[str, _Process] = {}
        self._ended = threading.Event()
        self._changing = threading.Lock()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self.gateway = Gateway(plane.directory, self._resolve, self._credentials)

    def start(self) -> None:
        """Look after the cluster's Deployments from now on."""
        self._thread.start()

    def stop(self) -> None:
        """End the processes; none starts after this."""
        self._ended.set()
        with self._changing:
            processes.stop([one.pid_file for one in self._running.values()])
        self.gateway.close()

    def _follow(self) -> None:
        client = self._plane.client
        while not self._ended.is_set():
            try:
                found = client.get(DEPLOYMENTS)
                self._settle(found["items"])
                version = found["metadata"]["resourceVersion"]
                query = {"resourceVersion": version, "timeoutSeconds": str(LOOK_SECONDS)}
                for event in client.watch(DEPLOYMENTS, **query):
                    self._change(event["object"], gone=event["type"] == "DELETED")
            except (ControlPlaneError, OSError, KeyError) as error:
                # A Deployment that lacks something is looked at again; a pod would wait for it.
                self._say(f"{type(error).__name__}: {error}")
                self._ended.wait(LOOK_SECONDS)

    def _settle(self, deployments: list[Object]) -> None:
        for name in set(self._running) - {_key(item) for item in deployments}:
            processes.stop([self._running.pop(name).pid_file])
        for item in deployments:
            self._change(item, gone=False)

    def _change(self, deployment: Object, *, gone: bool) -> None:
        template = deployment["spec"]["template"]
        program = program_of(template["spec"]["containers"][0]["image"])
        if program is None:
            return
        with self._changing:
            self._bring(deployment, program, wanted=not gone)

    def _bring(self, deployment: Object, program: Program, *, wanted: bool) -> None:
        template = deployment["spec"]["template"]
        name = _key(deployment)
        wanted = wanted and deployment["spec"].get("replicas", 1) > 0 and not self._ended.is_set()
        running = self._running.get(name)
        if running and wanted and running.template == template:
            if processes.running(running.pid_file) is not None:
                return
            self._say(f"{name} ended by itself; see its log")
        if running:
            processes.stop([self._running.pop(name).pid_file])
        if wanted:
            namespace = deployment["metadata"]["namespace"]
            self._running[name] = self._run(name, program, namespace, template)

    def _run(self, name: str, program: Program, namespace: str, template: Object) -> _Process:
        folder = self._plane.directory / "controllers" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)
        pod = template["spec"]
        container = pod["containers"][0]
        account = pod["serviceAccountName"]
        scratch = folder / "scratch"
        scratch.mkdir()
        place = Place(
            namespace=namespace,
            kubeconfig=self._kubeconfig(folder, namespace, account),
            mounts=self._mounts(folder, namespace, pod),
            ports={port["name"]: _free_port() for port in container.get("ports", [])},
            aws_endpoint=self._aws_endpoint,
            binary=self._binary(program),
            scratch=scratch,
        )
        pid_file = self._plane.directory / "run" / f"{name}.controller.pid"
        arguments = [*container.get("args", []), *program.arguments(place)]
        processes.spawn(
            pid_file,
            [place.binary, *arguments],
            log=self._plane.directory / "logs" / f"{name}.log",
            directory=folder,
            environment={
                **self._environment(folder, namespace, account, container),
                **program.environment(place),
            },
        )
        return _Process(
            template=template, namespace=namespace, pid_file=pid_file, ports=place.ports
        )

    def _binary(self, program: Program) -> Path:
        found = (folder / program.binary for folder in self._binaries)
        return next(path for path in found if path.exists())

    def _environment(
        self, folder: Path, namespace: str, account: str, container: Object
    ) -> Mapping[str, str]:
        own = {e["name"]: e["value"] for e in container.get("env", []) if "value" in e}
        aws = {"AWS_ENDPOINT_URL": self._aws_endpoint, "AWS_EC2_METADATA_DISABLED": "true"}
        if self._is_associated(namespace, account):
            # What EKS's own webhook adds to a pod whose service account has an association.
            token = folder / "pod-identity-token"
            _write(token, self._token(namespace, account, POD_IDENTITY_AUDIENCE))
            aws["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = self.gateway.credentials_url
            aws["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = str(token)
        return {**own, **aws, "HOME": "/nonexistent", "GOGC": "50"}

    def _is_associated(self, namespace: str, account: str) -> bool:
        try:
            return self._identity(namespace, account) is not None
        except PermissionError:
            # The agent says so when it is asked.
            return True

    def _kubeconfig(self, folder: Path, namespace: str, account: str) -> Path:
        token = folder / "token"
        _write(token, self._token(namespace, account))
        authority = str(self._plane.pki / "ca.crt")
        cluster = {"server": self._plane.endpoint, "certificate-authority": authority}
        context = {"cluster": "local", "user": account, "namespace": namespace}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "local", "cluster": cluster}],
            "users": [{"name": account, "user": {"tokenFile": str(token)}}],
            "contexts": [{"name": "local", "context": context}],
            "current-context": "local",
        }
        path = folder / "kubeconfig"
        _write(path, json.dumps(config))
        return path

    def _token(self, namespace: str, account: str, *audiences: str) -> str:
        spec = {"audiences": list(audiences), "expirationSeconds": TOKEN_SECONDS}
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        path = f"api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        token: str = self._plane.client.request("POST", path, body=body)["status"]["token"]
        return token

    def _mounts(self, folder: Path, namespace: str, pod: Object) -> Mapping[str, Path]:
        mounts = {}
        volumes = pod.get("volumes", [])
        for volume in volumes:
            provider = secret_store.provider_of(volume)
            if provider:
                self._store(namespace, pod["serviceAccountName"]).sync(namespace, provider)
        for volume in volumes:
            if "secret" not in volume:
                continue
            mount = mounts[volume["name"]] = folder / volume["name"]
            mount.mkdir()
            path = f"api/v1/namespaces/{namespace}/secrets/{volume['secret']['secretName']}"
            for key, value in self._plane.client.get(path).get("data", {}).items():
                _write(mount / key, base64.b64decode(value).decode())
        return mounts

    def _store(self, namespace: str, account: str) -> SecretStore:
        try:
            credentials = self._identity(namespace, account)
        except PermissionError as error:
            raise ControlPlaneError(f"Pods of {namespace}/{account} wait: {error}") from error
        return SecretStore(
            self._plane.client, credentials=credentials, aws_endpoint=self._aws_endpoint
        )

    def _resolve(self, host: str, port: int) -> int | None:
        """The loopback port behind a Service's address, as kube-proxy would find its pods."""
        for service in self._plane.client.get("api/v1/services")["items"]:
            spec = service["spec"]
            if spec.get("clusterIP") != host:
                continue
            targets = [p.get("targetPort", port) for p in spec["ports"] if p["port"] == port]
            selector = spec.get("selector", {}).items()
            for one in list(self._running.values()):
                labels = one.template["metadata"].get("labels", {}).items()
                if one.namespace == service["metadata"]["namespace"] and selector <= labels:
                    return next((one.ports[t] for t in targets if t in one.ports), None)
        return None

    def _credentials(self, token: str) -> Mapping[str, Any]:
        namespace, account = _reviewed(self._plane.client, token)
        found = self._identity(namespace, account)
        if found is None:
            raise PermissionError(f"no Pod Identity association for {namespace}/{account}")
        return found

    def _say(self, line: str) -> None:
        with (
            contextlib.suppress(OSError),
            (self._plane.directory / "logs" / "controllers.log").open("a") as log,
        ):
            print(line, file=log)


def _reviewed(client: Client, token: str) -> tuple[str, str]:
    """Return whose token it is: namespace and service account. Raises PermissionError."""
    spec = {"token": token, "audiences": [POD_IDENTITY_AUDIENCE]}
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec}
    path = "apis/authentication.k8s.io/v1/tokenreviews"
    status = client.request("POST", path, body=review)["status"]
    kind, _, name = status.get("user", {}).get("username", "").rpartition("serviceaccount:")
    if not status.get("authenticated") or kind != "system:":
        raise PermissionError("the token is not of a service account for pods.eks.amazonaws.com")
    namespace, _, account = name.partition(":")
    return namespace, account


def _key(deployment: Object) -> str:
    metadata = deployment["metadata"]
    return f"{metadata['namespace']}-{metadata['name']}"


def _write(path: Path, content: str) -> None:
    path.touch(mode=0o600)
    path.write_text(content)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
