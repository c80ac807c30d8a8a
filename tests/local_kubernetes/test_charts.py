"""The charts of every environment, judged by a real API server without standing them up.

Its answers carry warnings and refuse what can't be changed, which no schema knows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from config.environments import TABLE
from guards.assembly import Templates
from local.kubernetes import addons
from local.kubernetes.control_plane import ControlPlane
from local.kubernetes.errors import ControlPlaneError
from tests.local_kubernetes.support import ACCOUNT, REGION
from tests.releases import released
from tests.synthesis import Synthesis, Template, manifests

Manifest = dict[str, Any]
ENVIRONMENTS = [environment.name for environment in TABLE.environments]
BY_CONTROLLERS = ("velero.io", "elbv2.k8s.aws")
"""Groups of kinds that come with a controller's chart, which doesn't stand here."""


def _objects(templates: Templates, environment: str) -> list[Manifest]:
    found = []
    for stack, content in sorted(templates.items()):
        if stack.removeprefix(f"{environment}-") in ("Cluster", "Platform", "Workloads"):
            found += manifests(Template(content))
    ours = [item for item in found if _group(item) not in BY_CONTROLLERS]
    # As the stacks' order has it.
    return sorted(ours, key=lambda item: item["kind"] != "Namespace")


def _group(item: Manifest) -> str:
    return str(item["apiVersion"]).rpartition("/")[0]


@pytest.fixture(scope="module")
def server(control_plane: ControlPlane) -> ControlPlane:
    """A control plane that knows the kinds of the add-ons, too."""
    for name in ("snapshot-controller", "aws-secrets-store-csi-driver-provider"):
        addons.apply(control_plane, name, region=REGION, account=ACCOUNT)
    return control_plane


class Charts:
    """What is applied as `kubectl apply` of CDK's handler does, and goes after the test."""

    def __init__(self, server: ControlPlane) -> None:
        self._server = server
        self._made: list[Manifest] = []

    def make(self, objects: Sequence[Manifest]) -> None:
        self._made += objects
        self._apply(objects)

    def check(self, objects: Sequence[Manifest]) -> None:
        """Ask what the server would say. Raises ControlPlaneError, for a warning too."""
        self._apply(objects, "--dry-run=server", "--warnings-as-errors")

    def _apply(self, objects: Sequence[Manifest], *options: str) -> None:
        items = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
        self._server.kubectl("apply", "--filename=-", *options, stdin=items)

    def remove(self) -> None:
        """What is in a namespace goes with it, and what has to stay as long as the cluster stays.

        k8s/job_starters.py has why; this cluster is that of other tests, too.
        """
        outer = [
            item
            for item in self._made
            if "namespace" not in item["metadata"]
            and not item["metadata"]["name"].startswith("start-")
        ]
        items = json.dumps({"apiVersion": "v1", "kind": "List", "items": outer})
        self._server.kubectl("delete", "--ignore-not-found", "--filename=-", stdin=items)


@pytest.fixture
def charts(server: ControlPlane) -> Iterator[Charts]:
    made = Charts(server)
    yield made
    made.remove()


@pytest.fixture(scope="module")
def before() -> dict[str, list[Manifest]]:
    """What the last release applies, by environment."""
    return {name: _objects(templates, name) for name, templates in released().items()}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_update_is_taken_without_a_warning_and_changes_nothing_immutable(
    synthesis: Synthesis, charts: Charts, before: dict[str, list[Manifest]], environment: str
) -> None:
    now = _objects(synthesis.templates()[environment], environment)
    kinds = {item["kind"] for item in now}
    assert {"Deployment", "StatefulSet", "DaemonSet", "CronJob", "Ingress"} <= kinds
    charts.make(before.get(environment, now))
    charts.check(now)


def test_what_can_not_be_changed_is_found(synthesis: Synthesis, charts: Charts) -> None:
    environment = ENVIRONMENTS[0]
    now = _objects(synthesis.templates()[environment], environment)
    charts.make(now)
    for kind, path, value, said in (
        ("Deployment", "selector.matchLabels", {"app": "x"}, "field is immutable"),
        ("StatefulSet", "serviceName", "other", "updates to statefulset spec"),
        ("StorageClass", "parameters", {"type": "gp2"}, "updates to parameters are forbidden"),
        ("Service", "ports", [{"port": 70000}], "must be between 1 and 65535"),
    ):
        item = next(item for item in now if item["kind"] == kind)
        changed = json.loads(json.dumps(item))
        *folders, field = path.split(".")
        part = changed.get("spec", changed)
        for folder in folders:
            part = part[folder]
        part[field] = value
        with pytest.raises(ControlPlaneError) as caught:
            charts.check([changed])
        assert said in str(caught.value), kind


def test_a_warning_of_the_server_is_found(charts: Charts) -> None:
    """As it gives one for a pod that Pod Security warns of."""
    labels = {"pod-security.kubernetes.io/warn": "restricted"}
    metadata = {"name": "warned", "labels": labels}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    charts.make([namespace])
    container = {"name": "x", "image": "registry.example/x:1"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "x", "namespace": "warned"},
        "spec": {"containers": [container]},
    }
    with pytest.raises(ControlPlaneError) as caught:
        charts.check([pod])
    assert "would violate PodSecurity" in str(caught.value)
