"""What the API server answers, to IAM tokens, after a deploy."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.environments import DEV
from mindforce.policy import document
from tests.local.machine import Machine, eventually
from tests.synthesis import Synthesis, manifests


def test_web_is_complete_on_both_zones(dev: Machine) -> None:
    nodes = {n["metadata"]["name"]: n for n in dev.kubectl("get", "nodes", "-o", "json")["items"]}

    def zones() -> set[str]:
        """Those of the pods that are there to stay; none until all of them are ready."""
        status = dev.kubectl("get", "deployment", "web", "-n", "web", "-o", "json")["status"]
        labels = ("-l", "app.kubernetes.io/name=web")
        pods = dev.kubectl("get", "pods", "-n", "web", *labels, "-o", "json")["items"]
        ready = {status.get("readyReplicas"), status.get("updatedReplicas"), len(pods)}
        if len(ready) > 1 or len(pods) < 3:
            return set()
        on = [nodes[pod["spec"]["nodeName"]]["metadata"]["labels"] for pod in pods]
        return {labels["topology.kubernetes.io/zone"] for labels in on}

    assert eventually(zones) == {"eu-central-1a", "eu-central-1b"}


def test_cdks_own_handler_applied_it(dev: Machine) -> None:
    """By `kubectl create --save-config` under the provider's role, as its managed fields say."""
    web = dev.kubectl(
        "get", "deployment", "web", "-n", "web", "-o", "json", "--show-managed-fields"
    )
    assert "kubectl.kubernetes.io/last-applied-configuration" in web["metadata"]["annotations"]
    managers = {f["manager"] for f in web["metadata"]["managedFields"]}
    assert {"kubectl-create", "kubectl-client-side-apply"} & managers


def test_nodes_are_those_of_the_node_group(dev: Machine) -> None:
    nodes = dev.kubectl("get", "nodes", "-o", "json")["items"]
    assert len(nodes) == 2
    for node in nodes:
        assert node["metadata"]["labels"]["node.kubernetes.io/instance-type"] == "t3.medium"
        assert node["status"]["capacity"]["pods"] == "110"


def _allowed(dev: Machine, role: str, *question: str) -> bool:
    try:
        return bool(dev.kubectl("auth", "can-i", *question, token=dev.token(role)).strip() == "yes")
    except subprocess.CalledProcessError as error:
        if error.stdout.strip() == "no":
            return False
        raise


@pytest.fixture(scope="module")
def stranger(dev: Machine) -> Iterator[str]:
    """A role of the account that people may assume, and that no access entry names."""
    iam = dev.client("iam")
    account = f"arn:aws:iam::{DEV.access.identity_account}:root"
    trust = json.dumps(document({"Principal": {"AWS": account}, "Action": "sts:AssumeRole"}))
    name = "mindforce-stranger"
    yield iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.delete_role(RoleName=name)


def test_the_admin_role_may_do_anything(dev: Machine) -> None:
    assert _allowed(dev, dev.admin_role, "delete", "namespaces")
    assert _allowed(dev, dev.admin_role, "get", "secrets", "-n", "kube-system")


def test_a_role_without_an_entry_is_nobody(dev: Machine, stranger: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        dev.kubectl("get", "pods", token=dev.token(stranger))
    assert "Unauthorized" in caught.value.stderr


def test_a_token_serves_one_cluster_only(dev: Machine) -> None:
    token = dev.token(dev.admin_role, cluster="prod")
    with pytest.raises(subprocess.CalledProcessError) as caught:
        dev.kubectl("get", "pods", token=token)
    assert "Unauthorized" in caught.value.stderr


def test_the_gates_entry_lets_it_read_its_namespace_and_no_more(dev: Machine) -> None:
    eks = dev.client("eks")
    (entry,) = (
        e for e in eks.list_access_entries(clusterName="dev")["accessEntries"] if "Charts" in e
    )
    policies = eks.list_associated_access_policies(clusterName="dev", principalArn=entry)
    (policy,) = policies["associatedAccessPolicies"]
    namespaces = ["database", "logging", "web"]
    assert policy["accessScope"] == {"type": "namespace", "namespaces": namespaces}
    bindings = dev.kubectl("get", "rolebindings", "-n", "web", "-o", "json")["items"]
    subjects = [s["name"] for b in bindings for s in b.get("subjects", ())]
    groups = [name for name in subjects if not name.startswith("mindforce:")]
    as_gate = [a for g in groups for a in ("--as", "gate", "--as-group", g)]
    assert dev.kubectl("auth", "can-i", "get", "pods", "-n", "web", *as_gate).strip() == "yes"
    for question in (
        ("get", "secrets", "-n", "web"),
        ("delete", "pods", "-n", "web"),
        ("get", "pods", "-n", "kube-system"),
        ("list", "persistentvolumes"),
    ):
        with pytest.raises(subprocess.CalledProcessError) as caught:
            dev.kubectl("auth", "can-i", *question, *as_gate)
        assert caught.value.stdout.strip() == "no"
    found = eks.describe_access_entry(clusterName="dev", principalArn=entry)["accessEntry"]
    as_group = ["--as", "gate", "--as-group", *found["kubernetesGroups"]]
    assert dev.kubectl("auth", "can-i", "list", "persistentvolumes", *as_group).strip() == "yes"
    with pytest.raises(subprocess.CalledProcessError):
        dev.kubectl("auth", "can-i", "delete", "persistentvolumes", *as_group)


def test_a_privileged_pod_is_refused(dev: Machine) -> None:
    overrides = {
        "spec": {
            "containers": [
                {"name": "x", "image": "x.example/x:1", "securityContext": {"privileged": True}}
            ]
        }
    }
    with pytest.raises(subprocess.CalledProcessError) as caught:
        dev.kubectl(
            "run",
            "x",
            "-n",
            "web",
            "--image",
            "x.example/x:1",
            "--overrides",
            json.dumps(overrides),
        )
    assert 'violates PodSecurity "restricted' in caught.value.stderr


def test_the_autoscaler_follows_the_load(dev: Machine) -> None:
    def replicas() -> int:
        web = dev.kubectl("get", "deployment", "web", "-n", "web", "-o", "json")
        count: int = web["status"].get("readyReplicas", 0)
        return count

    def annotate(value: str) -> Any:
        return dev.kubectl("annotate", "pods", "-n", "web", "--all", "--overwrite", value)

    before = replicas()
    annotate("local.mindforce.dev/cpu=90m")
    try:
        assert eventually(lambda: replicas() > before)
    finally:
        annotate("local.mindforce.dev/cpu-")


def _refused(dev: Machine, *arguments: str) -> str:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        dev.kubectl(*arguments)
    return str(caught.value.stderr)


def test_more_than_the_namespaces_share_is_refused(dev: Machine) -> None:
    service = ("create", "service", "loadbalancer", "x", "-n", "web", "--tcp", "80")
    assert "exceeded quota: share, requested: services.loadbalancers=1" in _refused(dev, *service)
    pod = {
        "containers": [
            {
                "name": "x",
                "image": "x.example/x:1",
                "resources": {"requests": {"cpu": "100"}},
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                    "runAsNonRoot": True,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
            }
        ]
    }
    run = ("run", "x", "-n", "web", "--image", "x.example/x:1")
    said = _refused(dev, *run, "--overrides", json.dumps({"spec": pod}))
    assert "exceeded quota: share, requested: requests.cpu=100" in said


def test_a_claim_gets_an_encrypted_volume_where_its_pod_runs(dev: Machine) -> None:
    (default,) = (
        c
        for c in dev.kubectl("get", "storageclasses", "-o", "json")["items"]
        if c["metadata"]["annotations"].get("storageclass.kubernetes.io/is-default-class") == "true"
    )
    kms = dev.client("kms").describe_key(KeyId=default["parameters"]["kmsKeyId"])
    assert kms["KeyMetadata"]["Description"] == "Disks of nodes and volumes of pods in dev"
    snapshots = dev.kubectl("get", "volumesnapshotclasses", "-o", "json")["items"]
    assert [s["driver"] for s in snapshots] == [default["provisioner"]]


def test_the_server_takes_every_object_without_a_warning(
    dev: Machine, synthesis: Synthesis, tmp_path: Path
) -> None:
    ours, standing = tmp_path / "ours.json", tmp_path / "standing.json"
    for stack in ("Cluster", "Workloads"):
        objects = manifests(synthesis.template("dev", stack))
        ours.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
        found = dev.kubectl("get", "-f", str(ours), "-o", "json")
        assert len(found["items"]) == len(objects)
        standing.write_text(json.dumps(found))
        dev.kubectl("replace", "--dry-run=server", "--warnings-as-errors", "-f", str(standing))
