"""The simulated nodes of managed node groups: made, changed, drained and removed."""

from __future__ import annotations

import functools
import hashlib
import http
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence

from local.kubernetes.client import FIELD_MANAGER, MERGE_PATCH, ApiError, Client, Object
from local.kubernetes.control_plane import ControlPlane, ControlPlaneError
from local.kubernetes.node_group import (
    GROUP_LABEL,
    OWN_KEYS_ANNOTATION,
    SUBNET_ANNOTATION,
    TEMPLATE_ANNOTATION,
    NodeGroup,
    Subnet,
    Taint,
    allocatable,
    halves,
    manifest,
    taints,
)

__all__ = ["NodeGroup", "Subnet", "Taint", "allocatable", "apply", "remove"]

NOT_READY = "node.kubernetes.io/not-ready"
POLL_SECONDS = 0.1
RESERVED_ADDRESSES = 4
"""AWS keeps a subnet's first four addresses."""


def apply(control_plane: ControlPlane, group: NodeGroup, *, timeout: float = 60.0) -> None:
    """Make exactly desired_size nodes of the group stand, spread over its subnets, all Ready.

    Labels and taints change in place; nodes of an older template are replaced, new ones first, and
    whatever goes is drained through the eviction API, budgets honoured. Raises ControlPlaneError
    in EKS's words when nodes aren't Ready, or pods can't be evicted, within `timeout` seconds.
    """
    client = control_plane.client
    deadline = time.monotonic() + timeout
    present = _nodes(client, group.name)
    current = [
        n for n in present if n["metadata"]["annotations"][TEMPLATE_ANNOTATION] == group.template
    ]
    outdated = [n for n in present if n not in current]
    for node in current:
        _relabel(client, node, group)

    keep, surplus = _split(current, group.desired_size)
    every_node = client.get("api/v1/nodes")["items"]
    addresses = {_address(node) for node in every_node}
    filled = Counter({subnet.id: 0 for subnet in group.subnets})
    filled.update(_subnet(node) for node in keep)
    for number in range(len(keep), group.desired_size):
        subnet = min(group.subnets, key=lambda s: filled[s.id])
        filled[subnet.id] += 1
        # Another group's node may take the address between choosing and creating.
        while True:
            address = _free_address(group, subnet, addresses)
            addresses.add(address)
            node = manifest(group, subnet, address, number)
            create = functools.partial(client.request, "POST", "api/v1/nodes", body=node)
            if _tolerating((http.HTTPStatus.CONFLICT,), create):
                break

    _wait_ready(client, group, deadline)
    for node in (*outdated, *surplus):
        _drain(client, group.name, node["metadata"]["name"], deadline)
        _delete(client, node["metadata"]["name"])


def remove(control_plane: ControlPlane, group_name: str) -> None:
    """Delete the group's nodes with the pods on them; fine when there are none.

    Not drained: on EKS too the nodes of a deleted group go in the end, whatever budgets say.
    """
    client = control_plane.client
    names = [node["metadata"]["name"] for node in _nodes(client, group_name)]
    for name in names:
        _cordon(client, name)
    for name in names:
        _delete(client, name)


def _free_address(group: NodeGroup, subnet: Subnet, taken: set[str]) -> str:
    """Looks random in the subnet's lower half, as on AWS, but is the same each time."""
    network = halves(subnet)[0]
    usable = network.num_addresses - RESERVED_ADDRESSES
    start = int(
        hashlib.sha256(f"{group.name}/{group.template}/{subnet.id}".encode()).hexdigest(), 16
    )
    for step in range(usable):
        address = str(network[RESERVED_ADDRESSES + (start + step) % usable])
        if address not in taken:
            return address
    raise ControlPlaneError(
        f"Node group {group.name}: subnet {subnet.id} ({subnet.cidr}) has no free address; "
        "choose a larger one."
    )


def _nodes(client: Client, group: str) -> list[Object]:
    items = client.get("api/v1/nodes", labelSelector=f"{GROUP_LABEL}={group}")["items"]
    return sorted(items, key=lambda node: str(node["metadata"]["creationTimestamp"]))


def _split(nodes: Sequence[Object], size: int) -> tuple[list[Object], list[Object]]:
    """Return the nodes to keep, and those too many, taken where most stand."""
    keep, surplus = list(nodes), []
    while len(keep) > size:
        filled = Counter(_subnet(node) for node in keep)
        fullest = max(keep, key=lambda node: filled[_subnet(node)])
        keep.remove(fullest)
        surplus.append(fullest)
    return keep, surplus


def _subnet(node: Object) -> str:
    return str(node["metadata"]["annotations"][SUBNET_ANNOTATION])


def _address(node: Object) -> str:
    addresses = node["status"].get("addresses", [])
    return next((str(a["address"]) for a in addresses if a["type"] == "InternalIP"), "")


def _relabel(client: Client, node: Object, group: NodeGroup) -> None:
    metadata = node["metadata"]
    before = json.loads(metadata["annotations"][OWN_KEYS_ANNOTATION])
    labels = {key: None for key in before if key not in group.labels} | dict(group.labels)
    # The controllers' own taints (not-ready, unschedulable) aren't the group's to change.
    others = [
        taint
        for taint in node["spec"].get("taints", [])
        if taint["key"].startswith("node.kubernetes.io/")
    ]
    patch = {
        "metadata": {
            "labels": labels,
            "annotations": {OWN_KEYS_ANNOTATION: json.dumps(sorted(group.labels))},
        },
        "spec": {"taints": [*taints(group), *others]},
    }
    _patch(client, f"api/v1/nodes/{metadata['name']}", patch)


def _wait_ready(client: Client, group: NodeGroup, deadline: float) -> None:
    while True:
        reasons = []
        for node in _nodes(client, group.name):
            conditions = node["status"].get("conditions", [])
            ready = next((c for c in conditions if c["type"] == "Ready"), None)
            # The taint goes a moment after the condition has changed, and pods wait for that.
            tainted = any(t["key"] == NOT_READY for t in node["spec"].get("taints", []))
            if ready is None or ready["status"] != "True" or tainted:
                words = ready["message"] if ready else "Kubelet never posted node status."
                reasons.append(f"{node['metadata']['name']}: {words}")
        if not reasons:
            return
        if time.monotonic() > deadline:
            raise ControlPlaneError(
                f"NodeCreationFailure: Unhealthy nodes in the kubernetes cluster: "
                f"node group {group.name}, {'; '.join(reasons)}"
            )
        time.sleep(POLL_SECONDS)


def _drain(client: Client, group: str, name: str, deadline: float) -> None:
    _cordon(client, name)
    while pods := [pod for pod in _pods(client, name) if _moves(pod)]:
        refused = [pod["metadata"]["name"] for pod in pods if not _evict(client, pod)]
        if time.monotonic() > deadline:
            raise ControlPlaneError(
                f"PodEvictionFailure: Reached max retries while trying to evict pods from nodes "
                f"in node group {group}: {name} keeps {', '.join(refused) or 'pods that linger'}."
            )
        time.sleep(POLL_SECONDS)


def _cordon(client: Client, name: str) -> None:
    _patch(client, f"api/v1/nodes/{name}", {"spec": {"unschedulable": True}})


def _evict(client: Client, pod: Object) -> bool:
    if "deletionTimestamp" in pod["metadata"]:
        return True
    metadata = {key: pod["metadata"][key] for key in ("name", "namespace")}
    path = f"api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/eviction"
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
    return _tolerating(
        (http.HTTPStatus.NOT_FOUND, http.HTTPStatus.TOO_MANY_REQUESTS),
        lambda: client.request("POST", path, body=eviction),
    )


def _delete(client: Client, name: str) -> None:
    client.delete(f"api/v1/nodes/{name}")
    # Without its node nobody ends them, and the garbage collector takes a minute.
    for pod in _pods(client, name):
        metadata = pod["metadata"]
        client.delete(
            f"api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}", now=True
        )


def _pods(client: Client, node: str) -> list[Object]:
    items: list[Object] = client.get("api/v1/pods", fieldSelector=f"spec.nodeName={node}")["items"]
    return items


def _moves(pod: Object) -> bool:
    owners = pod["metadata"].get("ownerReferences", [])
    ended = pod["status"].get("phase") in ("Succeeded", "Failed")
    return not ended and not any(owner["kind"] == "DaemonSet" for owner in owners)


def _patch(client: Client, path: str, patch: Object) -> None:
    query = {"fieldManager": FIELD_MANAGER}
    client.request("PATCH", path, query=query, body=patch, content_type=MERGE_PATCH)


def _tolerating(statuses: Sequence[int], request: Callable[[], object]) -> bool:
    try:
        request()
    except ApiError as error:
        if error.status not in statuses:
            raise
        return False
    return True
