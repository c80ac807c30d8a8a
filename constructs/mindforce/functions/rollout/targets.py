"""Whether anybody behind the address of a load balancer answers."""

from collections.abc import Iterator, Mapping
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError

from .kubernetes_api import KubernetesApi

Object = Mapping[str, Any]


def unanswered(api: KubernetesApi, item: Object) -> str:
    """Return what is missing until an Ingress or Service has a target that is healthy, else empty.

    It has its address minutes before: the controller writes it as soon as it has asked for the load
    balancer, and the first pods have no readiness gate, since nothing bound them to it yet.
    """
    services = set(_services(item))
    bindings = api.list("TargetGroupBinding", item["metadata"]["namespace"])
    groups = [b["spec"]["targetGroupARN"] for b in bindings if _service(b) in services]
    if not groups:
        return "its load balancer has no targets"
    client = boto3.client("elbv2")
    for group in groups:
        try:
            answer = client.describe_target_health(TargetGroupArn=group)
        except BotoCoreError as error:
            return f"its targets can't be looked at: {error}"
        states = [target["TargetHealth"] for target in answer["TargetHealthDescriptions"]]
        if not any(state["State"] == "healthy" for state in states):
            return f"no target of its load balancer is healthy{_said(states)}"
    return ""


def _services(item: Object) -> Iterator[str]:
    """Yield the names of the Services whose pods are behind the load balancer."""
    if item["kind"] == "Service":
        yield item["metadata"]["name"]
        return
    spec = item["spec"]
    paths = [path for rule in spec.get("rules", ()) for path in rule["http"]["paths"]]
    backends = [path["backend"] for path in paths]
    if default := spec.get("defaultBackend"):
        backends.append(default)
    for backend in backends:
        yield backend["service"]["name"]


def _service(binding: Object) -> str:
    name: str = binding["spec"]["serviceRef"]["name"]
    return name


def _said(states: list[dict[str, str]]) -> str:
    """Return what the load balancer says of its targets, each sentence once."""
    said = {state.get("Description") or state["State"] for state in states}
    return f": {'; '.join(sorted(said))}" if said else ""
