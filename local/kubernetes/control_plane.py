"""One cluster's real control plane, its processes kept by pid files in a state folder."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from local import processes
from local.kubernetes import certificates, components
from local.kubernetes.client import Client
from local.kubernetes.errors import ControlPlaneError

__all__ = ["ControlPlane", "ControlPlaneError"]

Extra = Literal["metrics", "volumes"]

START_TIMEOUT = 90.0
PORT_ATTEMPTS = 3
POLL_SECONDS = 0.05

# Those that write to the API end before it does, and it before its store.
_STOP_ORDER = (
    ("kwok", "metrics", "volumes", "kube-scheduler", "kube-controller-manager"),
    ("kube-apiserver",),
    ("etcd",),
)


class _PortTaken(Exception):
    """Another process got the port between choosing and binding it."""


class ControlPlane:
    """One cluster's real control plane: etcd, API server, controllers, scheduler, kwok, add-ons'.

    `directory` holds everything of it (certificates, data, logs, pid files) and may be used by one
    object at a time; `tools` holds the binaries. A directory of an earlier run is taken up again
    with its data, certificates and, where it is still free, its port.
    """

    def __init__(self, directory: Path, tools: Path) -> None:
        self.directory = directory.absolute()
        self.tools = tools.absolute()
        self.pki = self.directory / "pki"
        self.admin_kubeconfig = self.directory / "admin.kubeconfig"
        # Add-ons are applied by several threads at once.
        self._extras = threading.Lock()

    @property
    def endpoint(self) -> str:
        """The API server's address, https://127.0.0.1:PORT; ControlPlaneError before a start."""
        return self._settings().endpoint

    @property
    def certificate_authority(self) -> bytes:
        """The PEM certificate that the API server's is signed by."""
        return (self.pki / "ca.crt").read_bytes()

    @property
    def service_cidr(self) -> str:
        """The range of Service addresses."""
        return self._settings().service_cidr

    @property
    def client(self) -> Client:
        """A client with the administrator's certificate (system:masters)."""
        return Client(self.endpoint, self.pki)

    def start(
        self,
        *,
        token_webhook_url: str,
        service_account_issuer: str = components.API_AUDIENCE,
        service_cidr: str = "172.20.0.0/16",
        gateway: bool = False,
    ) -> None:
        """Return when the API server is ready, RBAC is set up and pods can be made.

        Processes left of an earlier run are stopped first. `token_webhook_url` answers
        TokenReview v1; with `gateway`, a Gateway serves in this directory.
        Raises ControlPlaneError when it isn't ready in time.
        """
        self.stop()
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        port = self._stored_port()
        for attempt in range(PORT_ATTEMPTS):
            settings = components.Settings(
                directory=self.directory,
                tools=self.tools,
                port=port if port is not None and _is_free(port) else _free_port(),
                service_cidr=service_cidr,
                service_account_issuer=service_account_issuer,
                gateway=gateway,
            )
            try:
                self._start(settings, token_webhook_url)
                return
            except _PortTaken as error:
                self.stop()
                port = None
                if attempt == PORT_ATTEMPTS - 1:
                    raise ControlPlaneError(
                        f"No free port was found for kube-apiserver in {PORT_ATTEMPTS} attempts; "
                        f"see {self._log('kube-apiserver')}."
                    ) from error
            except BaseException:
                self.stop()
                raise

    def stop(self) -> None:
        """End every process of this directory; fine when none runs, and after a killed parent."""
        processes.stop((self.directory / "run").glob("*.controller.pid"), patience=1.5)
        for names in _STOP_ORDER:
            # Their state is in etcd, whose pages the kernel keeps: a kill loses nothing.
            processes.stop((self._pid_file(name) for name in names), patience=1.5)

    def status(self) -> dict[str, int | None]:
        """Return each process's pid, None for one that doesn't run."""
        names = [name for group in _STOP_ORDER for name in group]
        return {name: processes.running(self._pid_file(name)) for name in names}

    def enable(self, extra: Extra) -> None:
        """Run what an add-on brings: the metrics API, or the EBS driver; kept over restarts."""
        with self._extras:
            marker = self._marker(extra)
            if marker.exists() and self.status()[extra] is not None:
                return
            marker.parent.mkdir(exist_ok=True)
            marker.touch()
            self._spawn_extra(extra, self._settings())

    def disable(self, extra: Extra) -> None:
        """Take back what `enable` did; fine when it didn't."""
        with self._extras:
            if self._marker(extra).exists():
                self._marker(extra).unlink()
                processes.stop([self._pid_file(extra)], patience=1.5)

    def kubectl(self, *args: str, stdin: str | None = None) -> str:
        """Run kubectl as administrator and return what it prints.

        Raises ControlPlaneError with kubectl's words when it fails.
        """
        command = [str(self.tools / "kubectl"), "--kubeconfig", str(self.admin_kubeconfig), *args]
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            env={"HOME": str(self.directory)},
        )
        if done.returncode:
            words = done.stderr.strip() or done.stdout.strip()
            raise ControlPlaneError(f"kubectl {' '.join(args)}: {words}")
        return done.stdout

    def _start(self, settings: components.Settings, token_webhook_url: str) -> None:
        certificates.ensure(self.pki, hosts=settings.hosts)
        components.write_configuration(settings, token_webhook_url=token_webhook_url)
        self._store(settings)
        logs = self.directory / "logs"
        shutil.rmtree(logs, ignore_errors=True)

        self._spawn("etcd", components.etcd(settings))
        self._spawn("kube-apiserver", components.kube_apiserver(settings))
        client = Client(settings.endpoint, self.pki)
        # Ready says that RBAC is set up. Started before, the others would be refused and back off.
        self._wait("kube-apiserver is ready", lambda: _answers(client, "readyz"))
        self._spawn("kube-controller-manager", components.kube_controller_manager(settings))
        self._spawn("kube-scheduler", components.kube_scheduler(settings))
        self._spawn_kwok(settings)
        account = "api/v1/namespaces/default/serviceaccounts/default"
        self._wait("the default service account exists", lambda: _answers(client, account))
        for extra in get_args(Extra):
            if self._marker(extra).exists():
                self._spawn_extra(extra, settings)

    def _spawn_extra(self, extra: Extra, settings: components.Settings) -> None:
        command = components.metrics if extra == "metrics" else components.volumes
        self._spawn(extra, command(settings))

    def _spawn_kwok(self, settings: components.Settings) -> None:
        # A new kwok would leave the nodes alone until the leases of the one before have run out.
        leases = "apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
        Client(settings.endpoint, self.pki).request("DELETE", leases)
        self._spawn("kwok", components.kwok(settings))

    def _spawn(self, name: str, command: list[str | Path]) -> None:
        try:
            processes.spawn(
                self._pid_file(name),
                command,
                log=self._log(name),
                directory=self.directory,
                environment=components.environment(name),
            )
        except OSError as error:
            raise ControlPlaneError(f"{name} can't be started: {error}.") from error

    def _wait(self, what: str, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + START_TIMEOUT
        while not holds():
            self._check_alive()
            if time.monotonic() > end:
                raise ControlPlaneError(
                    f"Waited {START_TIMEOUT:.0f} s in vain until {what}; see {self._log('')}."
                )
            time.sleep(POLL_SECONDS)

    def _check_alive(self) -> None:
        for name, pid in self.status().items():
            if pid is not None or not self._pid_file(name).exists():
                continue
            log = self._log(name)
            lines = log.read_text(errors="replace").splitlines() if log.exists() else []
            if any("address already in use" in line for line in lines):
                raise _PortTaken
            last = lines[-1] if lines else "nothing"
            raise ControlPlaneError(f"{name} ended at its start, last saying: {last} (see {log}).")

    def _pid_file(self, name: str) -> Path:
        return self.directory / "run" / f"{name}.pid"

    def _log(self, name: str) -> Path:
        return self.directory / "logs" / (f"{name}.log" if name else "")

    def _marker(self, extra: Extra) -> Path:
        return self.directory / "extras" / extra

    def _store(self, settings: components.Settings) -> None:
        stored = {
            "port": settings.port,
            "service_cidr": settings.service_cidr,
            "service_account_issuer": settings.service_account_issuer,
            "gateway": settings.gateway,
        }
        (self.directory / "cluster.json").write_text(json.dumps(stored))

    def _settings(self) -> components.Settings:
        try:
            stored = json.loads((self.directory / "cluster.json").read_text())
        except FileNotFoundError as error:
            raise ControlPlaneError(f"No cluster was started in {self.directory}.") from error
        return components.Settings(directory=self.directory, tools=self.tools, **stored)

    def _stored_port(self) -> int | None:
        with contextlib.suppress(ControlPlaneError):
            return self._settings().port
        return None


def _answers(client: Client, path: str) -> bool:
    try:
        client.get(path)
    except ControlPlaneError:
        return False
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((components.LOOPBACK, port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((components.LOOPBACK, 0))
        port: int = probe.getsockname()[1]
    return port
