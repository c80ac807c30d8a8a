"""The Kubernetes objects of an add-on, made from its row in addon_table.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from local.kubernetes.addon_table import Addon, Container, Object, Workload

NAMESPACE = "kube-system"


def definitions(addon: Addon) -> Iterator[Object]:
    """Yield the resource kinds that the add-on defines; fields count where it has schemas."""
    for scope, kinds in (("Cluster", addon.cluster_kinds), ("Namespaced", addon.namespaced_kinds)):
        for name, kind in kinds.items():
            plural, _, group = name.partition(".")
            yield {
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "metadata": {
                    "name": name,
                    # The API server wants a reason for definitions under *.k8s.io.
                    "annotations": {"api-approved.kubernetes.io": "unapproved, simulated"},
                },
                "spec": {
                    "group": group,
                    "scope": scope,
                    "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
                    "versions": [
                        {
                            "name": VERSIONS.get(group, "v1"),
                            "served": True,
                            "storage": True,
                            "subresources": {"status": {}},
                            "schema": {"openAPIV3Schema": addon.schemas.get(kind, ANYTHING)},
                        }
                    ],
                },
            }


ANYTHING: Object = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}

VERSIONS = {
    "crd.k8s.amazonaws.com": "v1alpha1",
    "eks.amazonaws.com": "v1alpha1",
    "networking.k8s.aws": "v1alpha1",
}
"""API group → version served, where it isn't v1."""


def objects(
    name: str,
    addon: Addon,
    configuration: Mapping[str, Any],
    *,
    region: str,
    dns_address: str,
) -> Iterator[Object]:
    """Yield every object of the add-on but its resource kinds, in the order to create them."""
    if addon.csi_driver:
        yield {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "CSIDriver",
            "metadata": {"name": addon.csi_driver},
            "spec": {
                "attachRequired": addon.csi_driver.startswith("ebs"),
                "podInfoOnMount": not addon.csi_driver.startswith("ebs"),
            },
        }
    for workload in addon.workloads:
        options = configuration.get(workload.section, {}) if workload.section else configuration
        account = workload.service_account or workload.name
        if account != "default":
            yield _namespaced("v1", "ServiceAccount", account, workload)
        yield _workload(name, workload, options, region)
        if workload.budget:
            budget = _namespaced("policy/v1", "PodDisruptionBudget", workload.name, workload)
            selector = {"matchLabels": dict(workload.labels)}
            yield budget | {"spec": {"maxUnavailable": 1, "selector": selector}}
    if name == "coredns":
        service = _namespaced("v1", "Service", "kube-dns", addon.workloads[0])
        yield service | {
            "spec": {
                "clusterIP": dns_address,
                "selector": {"k8s-app": "kube-dns"},
                "ports": [
                    {"name": "dns", "port": 53, "protocol": "UDP"},
                    {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
                    {"name": "metrics", "port": 9153, "protocol": "TCP"},
                ],
            }
        }


def _workload(addon: str, workload: Workload, options: Mapping[str, Any], region: str) -> Object:
    spec: Object = {
        "selector": {"matchLabels": dict(workload.labels)},
        "template": {
            "metadata": {
                "labels": {**workload.labels, **options.get("podLabels", {})},
                "annotations": options.get("podAnnotations", {}),
            },
            "spec": _pod(addon, workload, options, region),
        },
    }
    if workload.kind == "DaemonSet":
        spec["updateStrategy"] = {"rollingUpdate": {"maxUnavailable": "10%"}}
    else:
        spec["replicas"] = options.get("replicaCount", workload.replicas)
    return _namespaced("apps/v1", workload.kind, workload.name, workload) | {"spec": spec}


def _pod(addon: str, workload: Workload, options: Mapping[str, Any], region: str) -> Object:
    containers = [_container(addon, container, options) for container in workload.containers]
    if "resources" in options:
        containers[0]["resources"] = options["resources"]
    environment = {"AWS_REGION": region, **options.get("env", {})}
    containers[0]["env"] = [{"name": key, "value": str(v)} for key, v in environment.items()]
    if "enableNetworkPolicy" in options:
        containers[1]["args"] = [f"--enable-network-policy={options['enableNetworkPolicy']}"]
    pod: Object = {
        "containers": containers,
        "serviceAccountName": workload.service_account or workload.name,
        "hostNetwork": workload.host_network,
        "tolerations": options.get("tolerations", list(workload.tolerations)),
        "nodeSelector": {"kubernetes.io/os": "linux", **options.get("nodeSelector", {})},
    }
    if workload.init:
        pod["initContainers"] = [_container(addon, container, {}) for container in workload.init]
    if workload.priority:
        pod["priorityClassName"] = workload.priority
    if workload.kind == "Deployment":
        term = {
            "labelSelector": {"matchLabels": dict(workload.labels)},
            "topologyKey": "kubernetes.io/hostname",
        }
        preferred = [{"weight": 100, "podAffinityTerm": term}]
        apart = {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}
        spread = {
            "labelSelector": {"matchLabels": dict(workload.labels)},
            "maxSkew": 1,
            "topologyKey": "topology.kubernetes.io/zone",
            "whenUnsatisfiable": "ScheduleAnyway",
        }
        pod["affinity"] = options.get("affinity", apart)
        pod["topologySpreadConstraints"] = options.get("topologySpreadConstraints", [spread])
    elif "affinity" in options:
        pod["affinity"] = options["affinity"]
    return pod


def _container(addon: str, container: Container, options: Mapping[str, Any]) -> Object:
    requests = {"cpu": container.cpu, "memory": container.memory}
    resources: Object = {"requests": {key: value for key, value in requests.items() if value}}
    if container.memory_limit:
        resources["limits"] = {"memory": container.memory_limit}
    args = [
        f"{flag}={_argument(options[option])}"
        for option, flag in container.flags.items()
        if option in options
    ]
    return {
        "name": container.name,
        "image": f"eks/{addon}/{container.name}",
        "resources": resources,
        **({"args": args} if args else {}),
    }


def _argument(value: Any) -> str:
    """An option as the add-ons' charts write it into an argument."""
    if isinstance(value, Mapping):
        return ",".join(f"{key}={item}" for key, item in sorted(value.items()))
    return str(value).lower()


def _namespaced(version: str, kind: str, name: str, workload: Workload) -> Object:
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": dict(workload.labels)},
    }
