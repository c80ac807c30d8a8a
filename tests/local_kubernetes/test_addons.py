"""Add-ons, and what a cluster lacks without them; on a control plane without any."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.kubernetes import addons, nodes
from local.kubernetes.addon_table import ADDONS
from local.kubernetes.control_plane import ControlPlane, ControlPlaneError
from tests.local_kubernetes.support import ACCOUNT, REGION, group


@pytest.fixture
def bare(tools: Path, token_webhook: str, tmp_path: Path) -> Iterator[ControlPlane]:
    """A control plane with neither nodes nor add-ons."""
    plane = ControlPlane(tmp_path / "bare", tools)
    try:
        plane.start(token_webhook_url=token_webhook)
        yield plane
    finally:
        plane.stop()


def _apply(plane: ControlPlane, name: str, **changes: object) -> None:
    addons.apply(plane, name, region=REGION, account=ACCOUNT, **changes)  # type: ignore[arg-type]


def test_nodes_wait_for_their_network_and_deployments_for_nodes(bare: ControlPlane) -> None:
    with pytest.raises(ControlPlaneError, match=r"NodeCreationFailure.*cni plugin not initialized"):
        nodes.apply(bare, group(), timeout=1)
    with pytest.raises(addons.AddonError, match=r"coredns has 0 of 2") as refused:
        _apply(bare, "coredns", timeout=1)
    assert refused.value.code == "InsufficientNumberOfReplicas"

    _apply(bare, "vpc-cni")
    with pytest.raises(ControlPlaneError, match="cni plugin not initialized"):
        nodes.apply(bare, group(), timeout=1)
    _apply(bare, "kube-proxy")
    nodes.apply(bare, group())
    _apply(bare, "coredns")

    with pytest.raises(ControlPlaneError, match="Metrics API not available"):
        bare.kubectl("top", "nodes")
    _apply(bare, "metrics-server")
    assert len(bare.kubectl("top", "nodes", "--no-headers").splitlines()) == 3
    addons.remove(bare, "metrics-server")
    assert bare.status()["metrics"] is None
    with pytest.raises(ControlPlaneError, match="Metrics API not available"):
        bare.kubectl("top", "nodes")


def test_every_add_on_runs_whole(control_plane: ControlPlane) -> None:
    for name in ADDONS:
        _apply(control_plane, name)
    pods = control_plane.client.get("api/v1/namespaces/kube-system/pods")["items"]
    assert {pod["status"]["phase"] for pod in pods} == {"Running"}
    assert len(pods) == 3 * 7 + 2 * 4


def test_options_change_what_runs(control_plane: ControlPlane) -> None:
    _apply(control_plane, "coredns", configuration={"replicaCount": 3})
    path = "apis/apps/v1/namespaces/kube-system/deployments/coredns"
    assert control_plane.client.get(path)["status"]["availableReplicas"] == 3
    _apply(control_plane, "coredns")
    assert control_plane.client.get(path)["spec"]["replicas"] == 2


def test_an_option_that_is_an_argument_reaches_its_container(control_plane: ControlPlane) -> None:
    name = "aws-secrets-store-csi-driver-provider"
    rotation = {"enableSecretRotation": True, "rotationPollInterval": "120s"}
    _apply(control_plane, name, configuration={"secrets-store-csi-driver": rotation})
    path = "apis/apps/v1/namespaces/kube-system/daemonsets/secrets-store-csi-driver"
    containers = control_plane.client.get(path)["spec"]["template"]["spec"]["containers"]
    assert {c["name"]: c["args"] for c in containers if "args" in c} == {
        "secrets-store": ["--enable-secret-rotation=true", "--rotation-poll-interval=120s"]
    }
    wrong = {"secrets-store-csi-driver": {"enableSecretRotations": True}}
    with pytest.raises(addons.AddonError, match="enableSecretRotations isn't simulated"):
        _apply(control_plane, name, configuration=wrong)


def test_tags_of_volumes_are_an_argument_of_the_driver(control_plane: ControlPlane) -> None:
    tags = {"owner": "Platform", "environment": "dev"}
    _apply(
        control_plane,
        "aws-ebs-csi-driver",
        configuration={"controller": {"extraVolumeTags": tags}},
    )
    path = "apis/apps/v1/namespaces/kube-system/deployments/ebs-csi-controller"
    containers = control_plane.client.get(path)["spec"]["template"]["spec"]["containers"]
    assert {c["name"]: c["args"] for c in containers if "args" in c} == {
        "ebs-plugin": ["--extra-tags=environment=dev,owner=Platform"]
    }
    with pytest.raises(addons.AddonError, match="ebs-csi-node: extraVolumeTags isn't simulated"):
        _apply(
            control_plane, "aws-ebs-csi-driver", configuration={"node": {"extraVolumeTags": tags}}
        )


@pytest.mark.parametrize(
    ("name", "configuration", "named"),
    [
        ("coredns", {"replicas": 3}, "coredns: replicas"),
        ("aws-ebs-csi-driver", {"node": {"hostNetwork": True}}, "ebs-csi-node: hostNetwork"),
        ("kube-proxy", {"env": {"A": "b"}}, "kube-proxy: env"),
    ],
)
def test_an_option_that_is_not_simulated_is_refused(
    control_plane: ControlPlane, name: str, configuration: dict[str, object], named: str
) -> None:
    with pytest.raises(addons.AddonError, match=f"{named} isn't simulated"):
        _apply(control_plane, name, configuration=configuration)


def test_an_unknown_add_on_is_refused(control_plane: ControlPlane) -> None:
    with pytest.raises(addons.AddonError, match="Addon velero specified is not supported"):
        _apply(control_plane, "velero")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"deletionPolicy": "Keep"}, 'deletionPolicy: Unsupported value: "Keep"'),
        ({"driver": None}, "driver: Required value"),
        ({"drivers": "ebs.csi.aws.com"}, 'unknown field "drivers"'),
    ],
)
def test_a_class_of_snapshots_that_no_controller_would_read_is_refused(
    control_plane: ControlPlane, tmp_path: Path, change: dict[str, str | None], named: str
) -> None:
    _apply(control_plane, "snapshot-controller")
    item = {
        "apiVersion": "snapshot.storage.k8s.io/v1",
        "kind": "VolumeSnapshotClass",
        "metadata": {"name": "wrong"},
        "driver": "ebs.csi.aws.com",
        "deletionPolicy": "Retain",
        **change,
    }
    file = tmp_path / "class.json"
    file.write_text(json.dumps({key: value for key, value in item.items() if value}))
    with pytest.raises(ControlPlaneError, match=re.escape(named)):
        control_plane.kubectl("create", "-f", str(file))
