"""What network policies open, a line for each way from some pods to some peers."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from guards.objects import place

Object = Mapping[str, Any]
POLICY = "NetworkPolicy"
WAYS = {"Egress": "to", "Ingress": "from"}
"""The ways of a connection, and what a policy calls its peers there."""
_NAMESPACE = "kubernetes.io/metadata.name"


@dataclass(frozen=True, kw_only=True)
class Opening:
    """One rule of a policy, as Kubernetes writes its parts; an empty part is all that there is."""

    policy: str
    namespace: str
    way: str
    pods: Object
    """What selects them in the policy's namespace."""
    peer: Object
    port: Object

    def __str__(self) -> str:
        return (
            f"{self.way} of {_selected(self.pods)} {WAYS[self.way]} {_peer(self.peer)} "
            f"on {_port(self.port)}"
        )


def openings(policy: Object) -> Iterator[Opening]:
    """Yield each of a policy's peers with each of its ports, for each of its pods.

    A selector that offers several values is one for each of them.
    """
    spec = policy["spec"]
    for way, peers in WAYS.items():
        for rule in spec.get(way.lower()) or ():
            parts = product(
                _alternatives(spec["podSelector"]),
                _peers(rule.get(peers) or [{}]),
                rule.get("ports") or [{}],
            )
            for pods, peer, port in parts:
                yield Opening(
                    policy=place(policy),
                    namespace=policy["metadata"]["namespace"],
                    way=way,
                    pods=pods,
                    peer=peer,
                    port=port,
                )


def closings(policy: Object) -> Iterator[str]:
    """Yield the ways on which these pods have nothing but what some policy opens."""
    for way in policy["spec"]["policyTypes"]:
        for pods in _alternatives(policy["spec"]["podSelector"]):
            yield f"all other {way} of {_selected(pods)}"


def _peers(peers: Iterable[Object]) -> Iterator[Object]:
    for peer in peers:
        names = [name for name in ("namespaceSelector", "podSelector") if name in peer]
        for selectors in product(*(_alternatives(peer[name]) for name in names)):
            yield {**peer, **dict(zip(names, selectors, strict=True))}


def _alternatives(selector: Object) -> Iterator[Object]:
    """Yield a selector once for each of the values that it offers for a label."""
    expressions = selector.get("matchExpressions") or ()
    offered = [one for one in expressions if one["operator"] == "In"]
    others = [one for one in expressions if one["operator"] != "In"]
    for values in product(*(one["values"] for one in offered)):
        chosen = dict(zip((one["key"] for one in offered), values, strict=True))
        labels = {**selector.get("matchLabels", {}), **chosen}
        yield {
            **({"matchLabels": labels} if labels else {}),
            **({"matchExpressions": others} if others else {}),
        }


def _peer(peer: Object) -> str:
    if "ipBlock" in peer:
        block = peer["ipBlock"]
        excepted = block.get("except")
        return f"{block['cidr']} but {', '.join(excepted)}" if excepted else str(block["cidr"])
    if not peer:
        return "everybody"
    pods = _selected(peer.get("podSelector", {}))
    if "namespaceSelector" not in peer:
        return pods
    labels = dict(peer["namespaceSelector"].get("matchLabels", {}))
    name = labels.pop(_NAMESPACE, "")
    if name and not labels and len(peer["namespaceSelector"]) == 1:
        return f"{pods} in {name}"
    labelled = _selected(peer["namespaceSelector"], "")
    return f"{pods} in {f'namespaces of {labelled}' if labelled else 'every namespace'}"


def _selected(selector: Object, every: str = "every pod") -> str:
    labels = [f"{name}={value}" for name, value in sorted(selector.get("matchLabels", {}).items())]
    for one in selector.get("matchExpressions", ()):
        labels.append(" ".join((one["key"], one["operator"], *one.get("values", ()))))
    return ",".join(labels) or every


def _port(port: Object) -> str:
    protocol = port.get("protocol", "TCP")
    if "port" not in port:
        return f"every port of {protocol}" if port else "every port"
    last = f"-{port['endPort']}" if "endPort" in port else ""
    return f"{protocol} {port['port']}{last}"
