"""What pods choose from by name."""

from typing import Any

import pytest

from tests.synthesis import Synthesis, Template, manifests


@pytest.fixture
def template(synthesis: Synthesis) -> Template:
    return synthesis.template("dev", "Cluster")


def _all(template: Template, kind: str) -> list[dict[str, Any]]:
    return [item for item in manifests(template) if item["kind"] == kind]


def test_volumes_are_encrypted_with_our_key_unless_a_claim_says_otherwise(
    template: Template,
) -> None:
    (storage,) = _all(template, "StorageClass")
    default = storage["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"]
    assert default == "true"
    assert storage["parameters"]["type"] == "gp3"
    assert storage["parameters"]["encrypted"] == "true"
    assert storage["parameters"]["kmsKeyId"] == "<reference>"
    (source,) = (s for s in template.properties(MANIFEST) if "kmsKeyId" in str(s))
    assert "DiskKey" in str(source["Manifest"])


def test_volumes_are_made_where_their_pod_runs_and_can_grow(template: Template) -> None:
    (storage,) = _all(template, "StorageClass")
    assert storage["volumeBindingMode"] == "WaitForFirstConsumer"
    assert storage["allowVolumeExpansion"] is True


def test_velero_finds_the_class_of_snapshots_and_they_outlive_their_namespace(
    template: Template,
) -> None:
    (snapshots,) = _all(template, "VolumeSnapshotClass")
    assert snapshots["metadata"]["labels"] == {"velero.io/csi-volumesnapshot-class": "true"}
    assert snapshots["deletionPolicy"] == "Retain"
    (storage,) = _all(template, "StorageClass")
    assert snapshots["driver"] == storage["provisioner"]


def test_classes_come_after_the_add_on_that_defines_their_kinds(template: Template) -> None:
    (classes,) = (n for n, r in template.resources(MANIFEST).items() if "kmsKeyId" in str(r))
    (snapshots,) = (
        name
        for name, resource in template.resources("AWS::EKS::Addon").items()
        if resource["Properties"]["AddonName"] == "snapshot-controller"
    )
    assert template.comes_after(classes, snapshots)


def test_agents_come_before_the_database_and_the_database_before_web(template: Template) -> None:
    classes = sorted(_all(template, "PriorityClass"), key=lambda c: int(c["value"]))
    assert [c["metadata"]["name"] for c in classes] == ["web", "database", "node-agent"]
    # Above this the values are Kubernetes's own.
    assert all(0 < c["value"] < 1_000_000_000 for c in classes)
    assert not any(c["globalDefault"] for c in classes)


MANIFEST = "Custom::AWSCDK-EKS-KubernetesResource"
