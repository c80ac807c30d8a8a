"""EKS add-ons as the pods they run, in kube-system with the room that the real ones take."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from local.kubernetes.addon_manifests import NAMESPACE, definitions, objects
from local.kubernetes.addon_table import ADDONS, Addon, Workload
from local.kubernetes.client import Client, Object, object_path
from local.kubernetes.control_plane import ControlPlane

POLL_SECONDS = 0.1
METRICS_API = {
    "apiVersion": "apiregistration.k8s.io/v1",
    "kind": "APIService",
    "metadata": {"name": "v1beta1.metrics.k8s.io"},
}


class AddonError(Exception):
    """An add-on that EKS wouldn't take or that isn't healthy; `code` is EKS's name for it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


def apply(
    control_plane: ControlPlane,
    name: str,
    *,
    region: str,
    account: str,
    configuration: Mapping[str, Any] | None = None,
    timeout: float = 60.0,
) -> None:
    """Create or update what the add-on runs, and return when all of it does.

    `configuration` is configurationValues, decoded; an option that isn't simulated is refused.
    With metrics-server comes the metrics API, with aws-ebs-csi-driver the volumes of claims, as
    on EKS. Raises AddonError, also when its pods don't run within `timeout` seconds.
    """
    addon = _addon(name)
    for workload, option in _unsupported(addon, configuration or {}):
        raise AddonError(
            "InvalidParameterException",
            f"ConfigurationValue provided in request is not supported: add-on {name}, "
            f"{workload}: {option} isn't simulated here; leave it out or add it to addons.py.",
        )
    client = control_plane.client
    deadline = time.monotonic() + timeout
    for item in definitions(addon):
        client.apply(item)
        _wait_defined(client, object_path(item), deadline)
    dns = str(ipaddress.ip_network(control_plane.service_cidr)[10])
    for item in objects(name, addon, configuration or {}, region=region, dns_address=dns):
        client.apply(item)
    _wait(client, name, addon.workloads, deadline)
    if name == "metrics-server":
        control_plane.enable("metrics")
        _wait_metrics(client, deadline)
    elif name == "aws-ebs-csi-driver":
        control_plane.enable("volumes")


def remove(control_plane: ControlPlane, name: str) -> None:
    """Delete what the add-on runs; fine when it isn't there.

    The resource kinds it defined stay, with what was made of them, as on EKS.
    """
    addon = _addon(name)
    client = control_plane.client
    if name == "metrics-server":
        control_plane.disable("metrics")
        client.delete(object_path(METRICS_API))
        client.delete(f"api/v1/namespaces/{NAMESPACE}/services/metrics-server")
    elif name == "aws-ebs-csi-driver":
        control_plane.disable("volumes")
    for item in objects(name, addon, {}, region="", dns_address=""):
        client.delete(object_path(item))


def _addon(name: str) -> Addon:
    if name not in ADDONS:
        raise AddonError(
            "InvalidParameterException",
            f"Addon {name} specified is not supported here; known are {', '.join(ADDONS)}.",
        )
    return ADDONS[name]


OPTIONS = frozenset(
    {"affinity", "nodeSelector", "podAnnotations", "podLabels", "replicaCount", "resources"}
    | {"tolerations", "topologySpreadConstraints"}
)


def _unsupported(addon: Addon, configuration: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    sections = {workload.section: workload for workload in addon.workloads}
    for key, value in configuration.items():
        if key in sections and isinstance(value, Mapping):
            workload = sections[key]
            known = OPTIONS | {flag for one in workload.containers for flag in one.flags}
            yield from ((workload.name, option) for option in value if option not in known)
        elif key not in (OPTIONS if "" in sections else ()) and not _special(addon, key):
            yield sections.get("", addon.workloads[0]).name, key


def _special(addon: Addon, key: str) -> bool:
    return addon is ADDONS["vpc-cni"] and key in ("env", "enableNetworkPolicy")


def _wait(client: Client, name: str, workloads: Sequence[Workload], deadline: float) -> None:
    waiting = list(workloads)
    while waiting:
        lacks = []
        for workload in waiting:
            missing = _missing(client, workload)
            if missing:
                lacks.append((workload, missing))
        waiting = [workload for workload, _ in lacks]
        if lacks and time.monotonic() > deadline:
            words = "; ".join(f"{workload.name} {missing}" for workload, missing in lacks)
            raise AddonError(
                "InsufficientNumberOfReplicas",
                "The add-on is unhealthy because it doesn't have the desired number of replicas. "
                f"({name}: {words})",
            )
        if lacks:
            time.sleep(POLL_SECONDS)


def _missing(client: Client, workload: Workload) -> str:
    """Say what a workload lacks; empty when it runs whole and in its newest version."""
    path = {"kind": workload.kind, "metadata": {"name": workload.name, "namespace": NAMESPACE}}
    found = client.get(object_path(path))
    status: Object = found.get("status", {})
    if status.get("observedGeneration", 0) < found["metadata"]["generation"]:
        return "is being rolled out"
    if workload.kind == "DaemonSet":
        wanted = status["desiredNumberScheduled"]
        have = min(status.get("updatedNumberScheduled", 0), status["numberReady"])
    else:
        wanted = found["spec"]["replicas"]
        have = min(status.get("updatedReplicas", 0), status.get("availableReplicas", 0))
    return "" if have >= wanted else f"has {have} of {wanted}"


def _wait_metrics(client: Client, deadline: float) -> None:
    # What kubectl and the HPA look at: the API being available comes a moment before.
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    while True:
        groups = client.request("GET", "apis", accept=accept)["items"]
        found = [group for group in groups if group["metadata"]["name"] == "metrics.k8s.io"]
        if found and found[0]["versions"][0].get("freshness") == "Current":
            return
        if time.monotonic() > deadline:
            raise AddonError("AddonUnhealthy", "metrics.k8s.io doesn't become available.")
        time.sleep(POLL_SECONDS)


def _wait_defined(client: Client, path: str, deadline: float) -> None:
    while True:
        conditions = client.get(path).get("status", {}).get("conditions") or []
        if any(c["type"] == "Established" and c["status"] == "True" for c in conditions):
            return
        if time.monotonic() > deadline:
            raise AddonError("AddonUnhealthy", f"{path} isn't established.")
        time.sleep(POLL_SECONDS)
