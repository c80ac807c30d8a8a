"""The command lines of the control plane's processes, set as EKS sets them where that is known."""

from __future__ import annotations

import ipaddress
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local.kubernetes.gateway import SOCKET

LOOPBACK = "127.0.0.1"
API_AUDIENCE = "https://kubernetes.default.svc"
STAGES = Path(__file__).with_name("stages")
REPOSITORY = Path(__file__).resolve().parents[2]

_ETCD = "unix://etcd.sock:0"
_ETCD_PEER = "unix://peer.sock:0"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the command lines depend on; every path in them is relative to `directory`."""

    directory: Path
    tools: Path
    port: int
    service_cidr: str
    service_account_issuer: str
    gateway: bool = False
    """Whether the API server reaches Services through local.kubernetes.gateway."""

    @property
    def endpoint(self) -> str:
        """The API server's address."""
        return f"https://{LOOPBACK}:{self.port}"

    @property
    def hosts(self) -> Sequence[str]:
        """What the API server's certificate is valid for, the metrics Service included."""
        kubernetes = str(ipaddress.ip_network(self.service_cidr)[1])
        service = "kubernetes.default.svc"
        return [
            LOOPBACK,
            kubernetes,
            "localhost",
            "kubernetes",
            "kubernetes.default",
            service,
            f"{service}.cluster.local",
            "metrics-server.kube-system.svc",
        ]


def write_configuration(settings: Settings, *, token_webhook_url: str) -> None:
    """Write the files that the command lines name: kubeconfigs and authentication."""
    folder = settings.directory
    for user in ("admin", "kube-controller-manager", "kube-scheduler", "kwok"):
        _write(folder / f"{user}.kubeconfig", _kubeconfig(settings.endpoint, user))
    _write(
        folder / "token-webhook.kubeconfig",
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "webhook", "cluster": {"server": token_webhook_url}}],
            "users": [{"name": "apiserver", "user": {}}],
            "contexts": [
                {"name": "webhook", "context": {"cluster": "webhook", "user": "apiserver"}}
            ],
            "current-context": "webhook",
        },
    )
    if settings.gateway:
        transport = {"uds": {"udsName": SOCKET}}
        connection = {"proxyProtocol": "HTTPConnect", "transport": transport}
        _write(
            folder / "egress.json",
            {
                "apiVersion": "apiserver.k8s.io/v1beta1",
                "kind": "EgressSelectorConfiguration",
                "egressSelections": [{"name": "cluster", "connection": connection}],
            },
        )
    # EKS answers anonymous callers on the health endpoints only, from 1.32 on.
    health = [{"path": path} for path in ("/livez", "/readyz", "/healthz")]
    _write(
        folder / "authentication.json",
        {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "AuthenticationConfiguration",
            "anonymous": {"enabled": True, "conditions": health},
        },
    )


def etcd(settings: Settings) -> list[str | Path]:
    """One member on Unix sockets, so that no other user of the machine can read the cluster."""
    return [
        settings.tools / "etcd",
        "--name=local",
        "--data-dir=etcd",
        # Losing the last second when the machine itself crashes is fine here; waiting isn't.
        "--unsafe-no-fsync",
        f"--listen-client-urls={_ETCD}",
        f"--advertise-client-urls={_ETCD}",
        f"--listen-peer-urls={_ETCD_PEER}",
        f"--initial-advertise-peer-urls={_ETCD_PEER}",
        f"--initial-cluster=local={_ETCD_PEER}",
        "--auto-compaction-mode=revision",
        "--auto-compaction-retention=1000",
        "--snapshot-count=5000",
        "--log-level=warn",
    ]


def kube_apiserver(settings: Settings) -> list[str | Path]:
    """The API server; EKS's admission plugins are the defaults and the two named here."""
    egress = ["--egress-selector-config-file=egress.json"] if settings.gateway else []
    return [
        settings.tools / "kube-apiserver",
        f"--etcd-servers={_ETCD}",
        f"--bind-address={LOOPBACK}",
        f"--advertise-address={LOOPBACK}",
        f"--secure-port={settings.port}",
        # The endpoint is loopback, which Endpoints objects may not name.
        "--endpoint-reconciler-type=none",
        "--tls-cert-file=pki/apiserver.crt",
        "--tls-private-key-file=pki/apiserver.key",
        "--client-ca-file=pki/ca.crt",
        "--authentication-config=authentication.json",
        "--authentication-token-webhook-config-file=token-webhook.kubeconfig",
        "--authentication-token-webhook-version=v1",
        "--authentication-token-webhook-cache-ttl=5s",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction,ExtendedResourceToleration",
        "--requestheader-client-ca-file=pki/front-proxy-ca.crt",
        "--requestheader-allowed-names=front-proxy",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--proxy-client-cert-file=pki/front-proxy.crt",
        "--proxy-client-key-file=pki/front-proxy.key",
        f"--service-account-issuer={settings.service_account_issuer}",
        f"--service-account-jwks-uri={settings.service_account_issuer}/keys",
        f"--api-audiences={API_AUDIENCE}",
        "--service-account-key-file=pki/sa.pub",
        "--service-account-signing-key-file=pki/sa.key",
        f"--service-cluster-ip-range={settings.service_cidr}",
        # Nodes' addresses belong to somebody else's machines, if to any: `kubectl logs` is to fail
        # here, at a closed port of this one.
        "--kubelet-preferred-address-types=ExternalDNS",
        "--allow-privileged",
        "--profiling=false",
        *egress,
    ]


def kube_controller_manager(settings: Settings) -> list[str | Path]:
    """Every controller that runs by default."""
    return [
        settings.tools / "kube-controller-manager",
        *_client("kube-controller-manager"),
        "--service-account-private-key-file=pki/sa.key",
        "--root-ca-file=pki/ca.crt",
        "--use-service-account-credentials",
        "--cluster-signing-cert-file=pki/ca.crt",
        "--cluster-signing-key-file=pki/ca.key",
        "--allocate-node-cidrs=false",
        # Its own brake (20 requests a second) makes it take 5 s to start its controllers.
        "--kube-api-qps=300",
        "--kube-api-burst=600",
        # Nodes don't fail here, but a laptop sleeps and a busy one renews leases late.
        "--node-monitor-grace-period=2m",
        # EKS takes 15 s; a person watching the pods grow shouldn't wait for that.
        "--horizontal-pod-autoscaler-sync-period=2s",
    ]


def kube_scheduler(settings: Settings) -> list[str | Path]:
    """The default scheduler."""
    return [settings.tools / "kube-scheduler", *_client("kube-scheduler")]


def kwok(settings: Settings) -> list[str | Path]:
    """The kubelets of all nodes that carry kwok's annotation."""
    return [
        *_kwok(settings, "fake", "nodes.yaml", "pods.yaml", "failures.yaml"),
        "--node-lease-duration-seconds=40",
        f"--node-ip={LOOPBACK}",
    ]


def volumes(settings: Settings) -> list[str | Path]:
    """The EBS driver: a process of its own, because a kwok that restarts forgets pods half-way."""
    return _kwok(settings, "none", "volumes.yaml")


def _kwok(settings: Settings, nodes: str, *stages: str) -> list[str | Path]:
    """Plays stages, those of pods on the nodes that are annotated so."""
    return [
        settings.tools / "kwok",
        "--kubeconfig=kwok.kubeconfig",
        "--manage-all-nodes=false",
        f"--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node={nodes}",
        *[f"--config={STAGES / file}" for file in stages],
        "--v=WARN",
    ]


def metrics(settings: Settings) -> list[str | Path]:
    """The resource-metrics API."""
    module = [sys.executable, "-m", "local.kubernetes.metrics"]
    return [*module, settings.endpoint, settings.directory / "pki"]


def environment(name: str) -> Mapping[str, str]:
    """The whole environment of a process."""
    if name == "metrics":
        return {"PYTHONPATH": str(REPOSITORY)}
    # Half of Go's default head room: 35 MB less a cluster, for 0.4 CPU s more at its start.
    return {"GOGC": "50", "HOME": "/nonexistent"}


def _client(name: str) -> list[str]:
    return [
        f"--kubeconfig={name}.kubeconfig",
        # Nobody asks for their health over the network, and a port less can't be taken.
        "--secure-port=0",
        "--leader-elect=false",
        "--profiling=false",
    ]


def _kubeconfig(endpoint: str, user: str) -> Mapping[str, object]:
    """Paths in it are relative to the file, as kubectl and client-go read them."""
    pair = {"client-certificate": f"pki/{user}.crt", "client-key": f"pki/{user}.key"}
    cluster = {"server": endpoint, "certificate-authority": "pki/ca.crt"}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "local", "cluster": cluster}],
        "users": [{"name": user, "user": pair}],
        "contexts": [{"name": "local", "context": {"cluster": "local", "user": user}}],
        "current-context": "local",
    }


def _write(path: Path, content: Mapping[str, object]) -> None:
    path.write_text(json.dumps(content, indent=1))
