"""What NetworkPolicies let through, as the Kubernetes API reference defines them."""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Object = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A pod, or an address outside of the cluster where there is no namespace."""

    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    address: str = ""


def allowed(
    objects: Iterable[Object], source: Peer, target: Peer, port: int, protocol: str = "TCP"
) -> bool:
    """Say whether a connection is let out of its source and into its target."""
    policies = [item for item in objects if item["kind"] == "NetworkPolicy"]
    return _passes(policies, "Egress", source, target, port, protocol) and _passes(
        policies, "Ingress", target, source, port, protocol
    )


def _passes(
    policies: Sequence[Object], way: str, at: Peer, other: Peer, port: int, protocol: str
) -> bool:
    """Say whether one end's policies let a connection pass; what none selects is open."""
    chosen = [
        policy["spec"]
        for policy in policies
        if at.namespace
        and policy["metadata"]["namespace"] == at.namespace
        and way in policy["spec"]["policyTypes"]
        and _selects(policy["spec"]["podSelector"], at.labels)
    ]
    peers = "to" if way == "Egress" else "from"
    return not chosen or any(
        _any_peer(rule.get(peers), other, policy_namespace=at.namespace)
        and _any_port(rule.get("ports"), port, protocol)
        for spec in chosen
        for rule in spec.get(way.lower(), ())
    )


def _any_peer(peers: Sequence[Object] | None, other: Peer, *, policy_namespace: str) -> bool:
    return not peers or any(_is_peer(peer, other, policy_namespace) for peer in peers)


def _is_peer(peer: Object, other: Peer, policy_namespace: str) -> bool:
    if "ipBlock" in peer:
        block = peer["ipBlock"]
        inside = bool(other.address) and _within(other.address, block["cidr"])
        return inside and not any(_within(other.address, cidr) for cidr in block.get("except", ()))
    if not other.namespace:
        return False
    if "namespaceSelector" in peer:
        labels = {"kubernetes.io/metadata.name": other.namespace}
        in_namespace = _selects(peer["namespaceSelector"], labels)
    else:
        in_namespace = other.namespace == policy_namespace
    return in_namespace and _selects(peer.get("podSelector", {}), other.labels)


def _any_port(ports: Sequence[Object] | None, port: int, protocol: str) -> bool:
    return not ports or any(
        p.get("protocol", "TCP") == protocol and p.get("port", port) == port for p in ports
    )


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


def _within(address: str, cidr: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(cidr)
