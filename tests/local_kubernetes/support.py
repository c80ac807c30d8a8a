"""What the tests share: waiting for a condition, and the objects they apply."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, TypeVar

from local.kubernetes.control_plane import ControlPlane
from local.kubernetes.nodes import NodeGroup, Subnet

T = TypeVar("T")

REGION = "eu-central-1"
ACCOUNT = "111111111111"
SUBNETS = [
    Subnet(id=f"subnet-{zone}", zone=f"{REGION}{zone}", cidr=f"10.20.{16 * index}.0/20")
    for index, zone in enumerate("abc")
]


def group(**changes: Any) -> NodeGroup:
    """A node group of three t3.medium over three zones, but for `changes`."""
    described: dict[str, Any] = {
        "name": "workers",
        "region": REGION,
        "instance_types": ["t3.medium"],
        "subnets": SUBNETS,
        "desired_size": 3,
    }
    return NodeGroup(**described | changes)


def eventually(what: str, ask: Callable[[], T], *, timeout: float = 20.0) -> T:
    """Return the first true answer; AssertionError with the last one when there is none in time."""
    end = time.monotonic() + timeout
    while not (answer := ask()):
        assert time.monotonic() < end, f"not within {timeout:.0f} s: {what} (last: {answer!r})"
        time.sleep(0.1)
    return answer


def pod_template(image: str = "example/web", **spec: Any) -> dict[str, Any]:
    """A pod template labelled app=web with one container."""
    container = {"name": "main", "image": image, "resources": {"requests": {"cpu": "10m"}}}
    return {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container], **spec}}


def deployment(replicas: int, image: str = "example/web", **spec: Any) -> dict[str, Any]:
    """A Deployment named web."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": pod_template(image, **spec),
        },
    }


class Namespace:
    """A namespace of one test and kubectl inside it."""

    def __init__(self, control_plane: ControlPlane, name: str) -> None:
        self.control_plane = control_plane
        self.name = name

    def kubectl(self, *args: str, stdin: str | None = None) -> str:
        """Run kubectl in the namespace."""
        return self.control_plane.kubectl("--namespace", self.name, *args, stdin=stdin)

    def apply(self, *objects: dict[str, Any]) -> None:
        """Create or update objects."""
        items = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        self.kubectl("apply", "--filename=-", stdin=items)

    def get(self, *args: str) -> Any:
        """Read an object or a list."""
        return json.loads(self.kubectl("get", *args, "--output=json"))

    def pods(self, phase: str = "") -> list[dict[str, Any]]:
        """List pods, of one phase when given."""
        path = f"api/v1/namespaces/{self.name}/pods"
        items = self.control_plane.client.get(path)["items"]
        return [pod for pod in items if phase in ("", pod["status"]["phase"])]
