"""A control plane as local/ runs it, with real nodes instead of simulated ones."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from delivery.process import wait_for
from local.kubernetes.certificates import Pair
from local.kubernetes.control_plane import ControlPlane
from tests.node.machine import VOLUMES, Machine, Running
from tests.node.network import API_PORT, Network, dying
from tests.node.processes import of_pod

Manifest = dict[str, Any]
SECONDS = 120.0


class Cluster:
    """Nodes over zones, each a machine that can be lost and come back."""

    def __init__(self, plane: ControlPlane, network: Network, tools: Path, folder: Path) -> None:
        self.plane = plane
        self.network = network
        self._tools = tools
        self._folder = folder
        self._machines: dict[str, Running] = {}
        self._proxy: subprocess.Popen[bytes] | None = None

    def start(self, zones: Sequence[str], images: Sequence[Path], storage_class: str) -> None:
        """Have a node with a volume in each zone; `images` are archives that all of them have."""
        self.apply([_api_server(self.network.gateway)])
        self._start_proxy()
        for number, zone in enumerate(zones):
            name = f"node-{zone}"
            machine = Machine(
                name=name,
                zone=zone,
                address=self.network.node(number),
                folder=self._folder / name,
                network=self.network,
                tools=self._tools,
                kubeconfig=self._kubeconfig(f"system:node:{name}", ["system:nodes"]),
                authority=self.plane.pki / "ca.crt",
                images=images,
            )
            (machine.folder / "volumes" / "data").mkdir(parents=True)
            self.apply([_volume(name, storage_class)])
            self._machines[name] = machine.start()
        wait_for(lambda: all(map(self.ready, self._machines)), SECONDS)

    def ready(self, node: str) -> bool:
        found = self.plane.client.find(f"api/v1/nodes/{node}") or {}
        conditions = found.get("status", {}).get("conditions", [])
        return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

    def lose(self, node: str) -> None:
        """End a node's machine with all that runs there, at once."""
        self._machines[node].lose()

    def recover(self, node: str) -> None:
        """Switch a lost machine on again, and return when its pods serve again."""
        self._machines[node] = self._machines[node].machine.start()
        pods = self.items("api/v1/pods", fieldSelector=f"spec.nodeName={node}")
        names = [one["metadata"]["uid"] for one in pods if one["status"]["phase"] == "Running"]

        def serving() -> bool:
            """Whether they are there again, whatever is still known of those before."""
            found = {one["metadata"]["uid"]: one for one in self.items("api/v1/pods")}
            return all(is_ready(found[one]) and any(of_pod(one)) for one in names if one in found)

        wait_for(serving, SECONDS)

    def empty(self, node: str) -> None:
        """Have a node's volume as new; nobody may use it."""
        for one in (self._machines[node].machine.folder / "volumes" / "data").iterdir():
            shutil.rmtree(one)

    def close(self) -> None:
        for machine in self._machines.values():
            machine.lose()
        if self._proxy:
            self._proxy.kill()
            self._proxy.wait()

    def apply(self, objects: Sequence[Manifest]) -> None:
        items = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
        self.plane.kubectl("apply", "--server-side", "--filename=-", stdin=items)
        named = {
            f"{one['metadata']['name']}.{one['metadata']['namespace']}.svc.cluster.local": address
            for one in self.items("api/v1/services")
            if (address := one["spec"].get("clusterIP")) != "None"
        }
        self.network.name(named, "services")

    def items(self, path: str, **query: str) -> list[Manifest]:
        found: list[Manifest] = self.plane.client.get(path, **query)["items"]
        return found

    def pods(self, namespace: str, **labels: str) -> list[Manifest]:
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        return self.items(f"api/v1/namespaces/{namespace}/pods", labelSelector=selector)

    def rolled_out(self, kind: str, name: str, namespace: str) -> None:
        """Return when a roll-out is complete; AssertionError with what its nodes said otherwise."""
        seconds = f"--timeout={SECONDS:.0f}s"
        try:
            if kind == "job":
                what = ["wait", "--for=condition=complete", f"job/{name}"]
            else:
                what = ["rollout", "status", f"{kind}/{name}"]
            self.plane.kubectl("--namespace", namespace, *what, seconds)
        except Exception as error:
            raise AssertionError(f"{error}\n{self.said()}") from error

    def said(self) -> str:
        """What the cluster and its nodes have to say."""
        pods = self.plane.kubectl("get", "pods,events", "--all-namespaces", "--output=wide")
        return "\n".join([pods, *(one.logs() for one in self._machines.values())])

    def address(self, service: str, namespace: str) -> str:
        path = f"api/v1/namespaces/{namespace}/services/{service}"
        return str(self.plane.client.get(path)["spec"]["clusterIP"])

    def _start_proxy(self) -> None:
        settings = {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "iptables",
            "clusterCIDR": self.network.pods,
            "bindAddressHardFail": True,
            "conntrack": {"maxPerCore": 0},
            "clientConnection": {"kubeconfig": str(self._kubeconfig("system:kube-proxy", []))},
            # One for all nodes, which are one network; by its name nothing is told apart.
            "hostnameOverride": "nodes",
        }
        config = self._folder / "proxy.json"
        config.write_text(json.dumps(settings))
        command = ("unshare", "--mount", str(self._tools / "kube-proxy"), f"--config={config}")
        with (self._folder / "proxy.log").open("wb") as log:
            entered = self.network.enter(*dying(*command))
            self._proxy = subprocess.Popen(entered, stdout=log, stderr=log)

    def _kubeconfig(self, user: str, organizations: Sequence[str]) -> Path:
        """A kubeconfig of a user with a certificate by the control plane's authority."""
        certificate = x509.load_pem_x509_certificate(self.plane.certificate_authority)
        key = load_pem_private_key((self.plane.pki / "ca.key").read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        name = user.rpartition(":")[2]
        issued = Pair(certificate, key).issue(user, organizations=organizations)
        issued.write(self._folder, name)
        cluster = {
            "server": f"https://{self.network.gateway}:{API_PORT}",
            "certificate-authority": str(self.plane.pki / "ca.crt"),
            "tls-server-name": "kubernetes",
        }
        pair = {
            "client-certificate": str(self._folder / f"{name}.crt"),
            "client-key": str(self._folder / f"{name}.key"),
        }
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "local", "cluster": cluster}],
            "users": [{"name": "local", "user": pair}],
            "contexts": [{"name": "local", "context": {"cluster": "local", "user": "local"}}],
            "current-context": "local",
        }
        path = self._folder / f"{name}.kubeconfig"
        path.write_text(json.dumps(content))
        return path


def is_ready(pod: Manifest) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _api_server(address: str) -> Manifest:
    """Where the API server's Service leads, which the server itself tells on EKS."""
    labels = {"kubernetes.io/service-name": "kubernetes"}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": labels},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address]}],
        "ports": [{"name": "https", "port": API_PORT}],
    }


def _volume(node: str, storage_class: str) -> Manifest:
    """A volume on a node's disk, as the class's driver would make it there."""
    expression = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"data-{node}"},
        "spec": {
            "storageClassName": storage_class,
            "capacity": {"storage": "1Ti"},
            "accessModes": ["ReadWriteOnce"],
            "local": {"path": f"{VOLUMES}/data"},
            "nodeAffinity": {
                "required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
            },
        },
    }
