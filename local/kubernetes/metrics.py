"""The resource-metrics API (metrics.k8s.io/v1beta1) over simulated pods, as a process of its own.

A container's usage is the annotation local.mindforce.dev/cpu or /memory of its pod, shared among
the pod's containers, else half of its request. A node's is the sum of its pods' and the system's.
"""

from __future__ import annotations

import argparse
import base64
import http.server
import json
import re
import ssl
import time
import urllib.parse
from collections.abc import Mapping, Sequence
from pathlib import Path

from local.kubernetes.client import Client, Object
from local.kubernetes.errors import ControlPlaneError

GROUP_VERSION = "metrics.k8s.io/v1beta1"
CPU_ANNOTATION = "local.mindforce.dev/cpu"
MEMORY_ANNOTATION = "local.mindforce.dev/memory"

# What a container without requests, and a node's own system, are taken to use.
IDLE = {"cpu": 1.0, "memory": 16.0 * 2**20}
SYSTEM = {"cpu": 50.0, "memory": 300.0 * 2**20}

_SUFFIXES = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30}


def usage(pod: Object) -> list[Object]:
    """Return each container's usage, in millicores and bytes."""
    annotations = pod["metadata"].get("annotations", {})
    containers = pod["spec"]["containers"]
    measured = []
    for container in containers:
        requests = container.get("resources", {}).get("requests", {})
        used = {}
        for resource, annotation, parse in (
            ("cpu", CPU_ANNOTATION, millicores),
            ("memory", MEMORY_ANNOTATION, size),
        ):
            if annotation in annotations:
                used[resource] = parse(annotations[annotation]) / len(containers)
            elif resource in requests:
                used[resource] = parse(requests[resource]) / 2
            else:
                used[resource] = IDLE[resource]
        measured.append({"name": container["name"], "usage": used})
    return measured


def millicores(quantity: str) -> float:
    """Parse a CPU quantity such as 250m or 1.5; ValueError for another text."""
    if quantity.endswith("m"):
        return float(quantity[:-1])
    return float(quantity) * 1000


def size(quantity: str) -> float:
    """Parse a memory quantity such as 128Mi or 1G into bytes; ValueError for another text."""
    match = re.fullmatch(r"([0-9.]+)(|k|M|G|Ki|Mi|Gi)", quantity)
    if not match:
        raise ValueError(f"{quantity!r} is no memory quantity such as 128Mi or 1Gi.")
    return float(match[1]) * _SUFFIXES[match[2]]


class Metrics:
    """Answers the API's reads from the cluster's running pods."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def answer(self, path: str, query: Mapping[str, str]) -> Object | None:
        """Return the object or list at a path below the group, None when there is none."""
        match path.strip("/").split("/"):
            case [""]:
                return _RESOURCES
            case ["nodes"]:
                return _list("NodeMetrics", self._nodes(query))
            case ["nodes", name]:
                return self._one(self._nodes({"fieldSelector": f"metadata.name={name}"}))
            case ["pods"]:
                return _list("PodMetrics", self._pods("api/v1/pods", query))
            case ["namespaces", namespace, "pods"]:
                return _list("PodMetrics", self._pods(_in(namespace), query))
            case ["namespaces", namespace, "pods", name]:
                selected = {"fieldSelector": f"metadata.name={name}"}
                return self._one(self._pods(_in(namespace), selected))
            case _:
                return None

    def _pods(self, path: str, query: Mapping[str, str]) -> list[Object]:
        return [
            _item(
                "PodMetrics",
                pod,
                {
                    "containers": [
                        {"name": container["name"], "usage": _quantities(container["usage"])}
                        for container in usage(pod)
                    ]
                },
            )
            for pod in self._running(path, query)
        ]

    def _nodes(self, query: Mapping[str, str]) -> list[Object]:
        used: dict[str, dict[str, float]] = {}
        for pod in self._running("api/v1/pods", {}):
            total = used.setdefault(pod["spec"]["nodeName"], dict(SYSTEM))
            for container in usage(pod):
                for resource in total:
                    total[resource] += container["usage"][resource]
        nodes = self._client.get("api/v1/nodes", **query)["items"]
        return [
            _item(
                "NodeMetrics",
                node,
                {"usage": _quantities(used.get(node["metadata"]["name"], SYSTEM))},
            )
            for node in nodes
        ]

    def _running(self, path: str, query: Mapping[str, str]) -> list[Object]:
        items = self._client.get(path, **query)["items"]
        return [pod for pod in items if pod["status"].get("phase") == "Running"]

    @staticmethod
    def _one(items: Sequence[Object]) -> Object | None:
        return items[0] if items else None


def register(client: Client, pki: Path, port: int) -> None:
    """Make the aggregator send the group here; a Service's name may be external, its IP may not."""
    metadata = {"name": "metrics-server", "namespace": "kube-system"}
    client.apply(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"type": "ExternalName", "externalName": "localhost"},
        }
    )
    client.apply(
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": "v1beta1.metrics.k8s.io"},
            "spec": {
                "group": "metrics.k8s.io",
                "version": "v1beta1",
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "caBundle": base64.b64encode((pki / "ca.crt").read_bytes()).decode(),
                "service": {**metadata, "port": port},
            },
        }
    )


def serve(endpoint: str, pki: Path) -> None:
    """Serve until killed, on a free loopback port, to the API server's front proxy only."""
    metrics = Metrics(Client(endpoint, pki, user="metrics"))

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Ends connections that the aggregator keeps but no longer uses, each of which has a thread.
        timeout = 120

        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            prefix = f"/apis/{GROUP_VERSION}"
            status, content = 404, _status(404, f"{path} isn't served")
            if path.startswith(prefix):
                selectors = dict(urllib.parse.parse_qsl(query))
                wanted = {k: v for k, v in selectors.items() if k.endswith("Selector")}
                try:
                    found = metrics.answer(path.removeprefix(prefix), wanted)
                except (ControlPlaneError, ValueError) as error:
                    status, content = 500, _status(500, str(error))
                else:
                    if found is not None:
                        status, content = 200, found
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: the controller manager asks every few seconds."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki / "apiserver.crt", pki / "apiserver.key")
    context.load_verify_locations(pki / "front-proxy-ca.crt")
    context.verify_mode = ssl.CERT_REQUIRED
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    # The handshake is left to the connection's own thread, or one silent client blocks all.
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    register(Client(endpoint, pki, user="metrics"), pki, server.server_address[1])
    server.serve_forever()


def _in(namespace: str) -> str:
    return f"api/v1/namespaces/{namespace}/pods"


def _list(kind: str, items: Sequence[Object]) -> Object:
    return {"kind": f"{kind}List", "apiVersion": GROUP_VERSION, "metadata": {}, "items": items}


def _item(kind: str, source: Object, content: Object) -> Object:
    kept = ("name", "namespace", "labels")
    metadata = {key: source["metadata"][key] for key in kept if key in source["metadata"]}
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    # The HPA ignores a pod's CPU for one window after it gets ready: a short one, to move soon.
    head = {"kind": kind, "apiVersion": GROUP_VERSION, "metadata": metadata}
    return head | {"timestamp": now, "window": "1s"} | content


def _quantities(used: Mapping[str, float]) -> Object:
    return {"cpu": f"{round(used['cpu'])}m", "memory": f"{round(used['memory'] / 1024)}Ki"}


def _status(code: int, message: str) -> Object:
    head = {"kind": "Status", "apiVersion": "v1", "metadata": {}}
    return head | {"status": "Failure", "code": code, "message": message}


_RESOURCES: Object = {
    "kind": "APIResourceList",
    "apiVersion": "v1",
    "groupVersion": GROUP_VERSION,
    "resources": [
        {
            "name": name,
            "singularName": "",
            "namespaced": name == "pods",
            "kind": kind,
            "verbs": ["get", "list"],
        }
        for name, kind in (("nodes", "NodeMetrics"), ("pods", "PodMetrics"))
    ],
}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("endpoint", help="the API server, https://127.0.0.1:PORT")
    parser.add_argument("pki", type=Path, help="the folder with the control plane's certificates")
    arguments = parser.parse_args()
    serve(arguments.endpoint, arguments.pki)
