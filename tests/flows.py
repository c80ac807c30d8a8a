"""What NetworkPolicies let through, as the Kubernetes API reference defines them."""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from guards.flows import POLICY, WAYS, Opening, openings

Object = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A pod, or addresses outside of the cluster where there is no namespace.

    What a pod without labels may do, every pod of its namespace may.
    """

    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    address: str = ""
    """One, or a block of them, of which each counts."""


@dataclass(frozen=True, kw_only=True)
class Flow:
    """Connections from a source to a target, and whether they pass."""

    source: Peer
    target: Peer
    port: int
    protocol: str = "TCP"
    passes: bool = True

    @property
    def ends(self) -> Iterator[tuple[str, Peer, Peer]]:
        """Yield each way, who is at its end, and who is at the other one."""
        yield from zip(WAYS, (self.source, self.target), (self.target, self.source), strict=True)


def allowed(objects: Iterable[Object], flow: Flow) -> bool:
    """Say whether a connection is let out of its source and into its target."""
    policies = _policies(objects)
    return all(_passes(policies, way, at, other, flow) for way, at, other in flow.ends)


def unnamed(objects: Iterable[Object], flows: Sequence[Flow]) -> list[str]:
    """Return what policies open and none of these flows is, each with its policy's name."""
    passing = [flow for flow in flows if flow.passes]
    return [
        f"{opening.policy}: {opening}"
        for policy in _policies(objects)
        for opening in openings(policy)
        if not any(_names(flow, opening) for flow in passing)
    ]


def _policies(objects: Iterable[Object]) -> list[Object]:
    return [item for item in objects if item["kind"] == POLICY]


def _passes(policies: Sequence[Object], way: str, at: Peer, other: Peer, flow: Flow) -> bool:
    """Say whether one end's policies let a connection pass; what none selects is open."""
    chosen = [
        policy
        for policy in policies
        if way in policy["spec"]["policyTypes"]
        and policy["metadata"]["namespace"] == at.namespace
        and _selects(policy["spec"]["podSelector"], at.labels)
    ]
    return not chosen or any(
        _opens(opening, way, at, other, flow) for policy in chosen for opening in openings(policy)
    )


def _opens(opening: Opening, way: str, at: Peer, other: Peer, flow: Flow) -> bool:
    return (
        opening.way == way
        and opening.namespace == at.namespace
        and _selects(opening.pods, at.labels)
        and _is_peer(opening, other)
        and _is_port(opening.port, flow)
    )


def _names(flow: Flow, opening: Opening) -> bool:
    """Say whether a flow is all of what is opened: these pods, these addresses, this port."""
    return any(
        _opens(opening, way, at, other, flow)
        and _is_all(opening.pods, at.labels)
        and _is_whole_peer(opening.peer, other)
        and "port" in opening.port
        and "endPort" not in opening.port
        for way, at, other in flow.ends
    )


def _is_whole_peer(peer: Object, other: Peer) -> bool:
    if "ipBlock" in peer:
        block = peer["ipBlock"]
        return not block.get("except") and _network(block["cidr"]) == _network(other.address)
    everywhere = "namespaceSelector" in peer and not peer["namespaceSelector"]
    return bool(peer) and not everywhere and _is_all(peer.get("podSelector", {}), other.labels)


def _is_all(selector: Object, labels: Mapping[str, str]) -> bool:
    """Say whether a selector that selects a pod with these labels selects only such."""
    return "matchExpressions" not in selector and bool(selector) is bool(labels)


def _is_peer(opening: Opening, other: Peer) -> bool:
    peer = opening.peer
    if not peer:
        return True
    if "ipBlock" in peer:
        return bool(other.address) and _is_in_block(_network(other.address), peer["ipBlock"])
    if not other.namespace:
        return False
    if "namespaceSelector" in peer:
        labels = {"kubernetes.io/metadata.name": other.namespace}
        in_namespace = _selects(peer["namespaceSelector"], labels)
    else:
        in_namespace = other.namespace == opening.namespace
    return in_namespace and _selects(peer.get("podSelector", {}), other.labels)


def _is_port(port: Object, flow: Flow) -> bool:
    if not port:
        return True
    first = port.get("port", flow.port)
    if port.get("protocol", "TCP") != flow.protocol or not isinstance(first, int):
        # A port's name is its pod's to know; nobody says it in a table.
        return False
    return first <= flow.port <= int(port.get("endPort", first))


def _selects(selector: Object, labels: Mapping[str, str]) -> bool:
    wanted = selector.get("matchLabels", {})
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _meets(expression, labels) for expression in selector.get("matchExpressions", ())
    )


def _meets(expression: Object, labels: Mapping[str, str]) -> bool:
    operator, value = expression["operator"], labels.get(expression["key"])
    match operator:
        case "In":
            return value in expression["values"]
        case "NotIn":
            return value not in expression["values"]
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    raise ValueError(f"{operator!r} is no operator of a label selector")


def _is_in_block(addresses: ipaddress.IPv4Network, block: Object) -> bool:
    excepted = (_network(cidr) for cidr in block.get("except", ()))
    return addresses.subnet_of(_network(block["cidr"])) and not any(
        addresses.overlaps(cidr) for cidr in excepted
    )


def _network(cidr: str) -> ipaddress.IPv4Network:
    return ipaddress.IPv4Network(cidr)
