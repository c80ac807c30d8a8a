"""What Velero is told in each environment."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from config.environments import DEV, PROD, TABLE
from config.model import Environment
from delivery import velero
from k8s.storage import DRIVER
from tests.synthesis import Synthesis, manifests, plain
from tests.tables import backed_up, with_all_parts

Manifest = dict[str, Any]
RELEASE = "Custom::AWSCDK-EKS-HelmChart"
MANIFEST = "Custom::AWSCDK-EKS-KubernetesResource"


def _objects(synthesis: Synthesis, environment: str, kind: str) -> list[Manifest]:
    found = manifests(synthesis.template(environment, "Platform"))
    return [item for item in found if item["kind"] == kind]


@pytest.mark.parametrize("environment", TABLE.environments, ids=lambda e: e.name)
def test_schedules_are_the_tables(synthesis: Synthesis, environment: Environment) -> None:
    found = {
        s["metadata"]["name"]: s["spec"] for s in _objects(synthesis, environment.name, "Schedule")
    }
    wanted = environment.backup
    assert {n: (s["schedule"], s["template"]["ttl"]) for n, s in found.items()} == {
        "hourly": (wanted.hourly, f"{24 * wanted.hourly_days}h0m0s"),
        "daily": (wanted.daily, f"{24 * wanted.daily_days}h0m0s"),
    }
    assert found["daily"]["template"]["includedNamespaces"] == ["*"]
    databases = ["database"] if environment.database else []
    # Neither what Velero keeps of its work nor what a drill has just restored.
    drilled = [f"drill-{name}" for name in ("web", *databases)]
    assert found["daily"]["template"]["excludedNamespaces"] == ["velero", *drilled]
    assert found["hourly"]["template"]["includedNamespaces"] == ["web", *databases]
    for schedule in found.values():
        assert schedule["template"]["excludedResources"] == list(velero.DERIVED)
        # Deleting a schedule must not delete what it made.
        assert schedule["useOwnerReferencesInBackup"] is False
        assert schedule["template"]["snapshotVolumes"] is (wanted.volumes != "none")
        assert schedule["template"]["snapshotMoveData"] is (wanted.volumes == "move")


def test_a_volume_is_snapshotted_after_a_checkpoint_of_the_primary(tmp_path: Path) -> None:
    moved = backed_up(with_all_parts(PROD), "move")
    without = backed_up(with_all_parts(DEV), "none")
    synthesis = Synthesis(replace(TABLE, environments=(moved, without)), tmp_path)
    for schedule in _objects(synthesis, "prod", "Schedule"):
        (hook,) = schedule["spec"]["template"]["hooks"]["resources"]
        assert hook["includedNamespaces"] == ["database"]
        assert hook["labelSelector"]["matchLabels"]["role"] == "primary"
        (before,), (after,) = hook["pre"], hook["post"]
        assert before["exec"]["command"][-1] == "--command=CHECKPOINT"
        assert before["exec"]["onError"] == "Fail"
        assert after["exec"]["command"][-1] == "--command=SELECT pg_switch_wal()"
    for schedule in _objects(synthesis, "dev", "Schedule"):
        assert "hooks" not in schedule["spec"]["template"]


def test_snapshots_of_volumes_have_a_class_that_velero_finds(synthesis: Synthesis) -> None:
    found = manifests(synthesis.template("prod", "Cluster"))
    (snapshots,) = (item for item in found if item["kind"] == "VolumeSnapshotClass")
    assert snapshots["metadata"]["labels"]["velero.io/csi-volumesnapshot-class"] == "true"
    assert snapshots["driver"] == DRIVER


def test_backups_go_to_the_bucket_encrypted_with_its_key(synthesis: Synthesis) -> None:
    (location,) = _objects(synthesis, "prod", "BackupStorageLocation")
    assert location["spec"]["objectStorage"] == {"bucket": "<reference>", "prefix": "velero"}
    assert location["spec"]["config"] == {"region": PROD.region, "kmsKeyId": "<reference>"}
    assert location["spec"]["accessMode"] == "ReadWrite"


def test_the_server_starts_once_the_repositorys_secret_is_ours(synthesis: Synthesis) -> None:
    """Velero makes one with a password that everybody knows, where there is none."""
    template = synthesis.template("prod", "Platform")
    (provider,) = _objects(synthesis, "prod", "SecretProviderClass")
    (made,) = provider["spec"]["secretObjects"]
    assert made["secretName"] == "velero-repo-credentials"
    assert made["data"][0]["key"] == "repository-password"
    (release,) = (r for r in template.properties(RELEASE) if r["Release"] == "velero")
    text = json.dumps(release["Values"])
    for waited in (provider["metadata"]["name"], made["secretName"]):
        assert waited in text


@pytest.mark.parametrize("namespace", ["aws-secrets-manager", "kube-system"])
def test_the_drivers_account_may_make_the_repositorys_secret_and_write_no_other(
    synthesis: Synthesis, namespace: str
) -> None:
    """Its add-on gives it no such rights, wherever it is; its watch is over all namespaces."""
    may = _rights(synthesis, namespace)
    (provider,) = _objects(synthesis, "prod", "SecretProviderClass")
    secret = (provider["metadata"]["namespace"], provider["spec"]["secretObjects"][0]["secretName"])
    assert may("list", None, None)
    assert may("watch", None, None)
    # A name that is to be is not in what is judged.
    assert may("create", secret[0], None)
    assert all(may(verb, *secret) for verb in ("update", "patch"))
    for verb in ("create", "update", "patch", "delete"):
        assert not may(verb, None, None)
        assert not may(verb, "web", None)
    assert not any(may(verb, "velero", "cloud") for verb in ("get", "update", "patch", "delete"))


def test_the_driver_has_its_rights_before_velero_waits_for_the_secret(synthesis: Synthesis) -> None:
    template = synthesis.template("prod", "Platform")
    (rights,) = (
        name
        for name, resource in template.resources(MANIFEST).items()
        if '"kind":"RoleBinding"' in plain(resource["Properties"]["Manifest"])
    )
    (release,) = (
        name
        for name, resource in template.resources(RELEASE).items()
        if resource["Properties"]["Release"] == "velero"
    )
    assert template.comes_after(release, rights)


def _rights(synthesis: Synthesis, namespace: str) -> Callable[[str, str | None, str | None], bool]:
    """Return what says whether the driver may do something with a Secret, or with all of them."""
    subject = {
        "kind": "ServiceAccount",
        "name": "secrets-store-csi-driver",
        "namespace": namespace,
    }
    found = [
        item
        for stack in ("Cluster", "Platform", "Workloads")
        for item in manifests(synthesis.template("prod", stack))
    ]
    rules = []
    for binding in found:
        if binding["kind"].endswith("RoleBinding") and subject in binding["subjects"]:
            wanted = binding["roleRef"]
            space = binding["metadata"].get("namespace")
            rules += [
                (space, rule)
                for role in found
                if (role["kind"], role["metadata"]["name"]) == (wanted["kind"], wanted["name"])
                and role["metadata"].get("namespace") in (None, space)
                for rule in role["rules"]
            ]
    assert all((r["apiGroups"], r["resources"]) == ([""], ["secrets"]) for _, r in rules)

    def may(verb: str, space: str | None, name: str | None) -> bool:
        return any(
            verb in rule["verbs"]
            and where in (None, space)
            and ("resourceNames" not in rule or name in rule["resourceNames"])
            for where, rule in rules
        )

    return may


@pytest.mark.parametrize("environment", TABLE.environments, ids=lambda e: e.name)
def test_velero_takes_what_it_is_told_of_the_pods_that_it_makes(
    synthesis: Synthesis, environment: Environment
) -> None:
    """Of a field that is absent it says that it can't be parsed, and leaves all of them out."""
    name = environment.name
    (agent,) = (
        item for item in _objects(synthesis, name, "ConfigMap") if "config.json" in item["data"]
    )
    releases = synthesis.template(name, "Platform").properties(RELEASE)
    (release,) = (one for one in releases if one["Release"] == "velero")
    values = json.loads(plain(release["Values"]))
    assert f"--node-agent-configmap={agent['metadata']['name']}" in values["nodeAgent"]["extraArgs"]
    moving = json.loads(agent["data"]["config.json"])
    tending = values["configuration"]["repositoryMaintenanceJob"]["repositoryConfigData"]["global"]
    # As pkg/types of Velero spells them; what it doesn't know it says nothing of.
    assert set(moving) == {"loadConcurrency", "podResources"}
    assert set(moving["loadConcurrency"]) == {"globalConfig"}
    assert set(tending) == {"keepLatestMaintenanceJobs", "podResources"}
    for config in (moving, tending):
        resources = config["podResources"]
        assert set(resources) == {"cpuRequest", "cpuLimit", "memoryRequest", "memoryLimit"}
        assert resources["cpuLimit"] == "0"
        assert all(re.fullmatch(r"[0-9]+(m|Mi|Gi)?", value) for value in resources.values())
    # It would refuse pods without that limit.
    (quota,) = _objects(synthesis, name, "ResourceQuota")
    assert "limits.cpu" not in quota["spec"]["hard"]


def test_restores_that_nobody_tidies_up_keep_no_stack(synthesis: Synthesis) -> None:
    """Each has a finalizer of the server's, which goes before its namespace could."""
    found = synthesis.template("prod", "Platform").resources(MANIFEST).values()
    (namespace,) = (r for r in found if '"kind":"Namespace"' in plain(r["Properties"]["Manifest"]))
    assert namespace["DeletionPolicy"] == "Retain"


def test_workloads_take_what_was_restored_as_it_is(synthesis: Synthesis) -> None:
    """CDK's handler would create them, and be refused where they exist."""
    for environment in TABLE.environments:
        found = synthesis.template(environment.name, "Workloads").properties(MANIFEST)
        assert found
        assert all(manifest["Overwrite"] is True for manifest in found)
