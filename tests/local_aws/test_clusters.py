"""Clusters with a real control plane: nodes, add-ons, identities, permissions, releases."""

import base64
import json
import ssl
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.local_aws.support import ACCOUNT, REGION, Account, Server, network, role

ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
SUBNETS = [{"Ref": "SubnetA"}, {"Ref": "SubnetB"}]


def arn(name: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [name, "Arn"]}


def cluster(mode: str) -> dict[str, Any]:
    return {
        "Type": "AWS::EKS::Cluster",
        "Properties": {
            "RoleArn": arn("ClusterRole"),
            "Version": "1.35",
            "BootstrapSelfManagedAddons": False,
            "AccessConfig": {
                "AuthenticationMode": mode,
                "BootstrapClusterCreatorAdminPermissions": False,
            },
            "ResourcesVpcConfig": {"SubnetIds": SUBNETS},
            "EncryptionConfig": [{"Resources": ["secrets"], "Provider": {"KeyArn": arn("Key")}}],
            "Logging": {"ClusterLogging": {"EnabledTypes": [{"Type": "audit"}]}},
        },
    }


BASE: dict[str, Any] = {
    **network(),
    "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Statement": []}}},
    "ClusterRole": role("eks.amazonaws.com"),
    "NodeRole": role("ec2.amazonaws.com"),
    "Person": role("account"),
    "Cluster": cluster("API_AND_CONFIG_MAP"),
}


def node_group(size: int, **labels: str) -> dict[str, Any]:
    return {
        "Type": "AWS::EKS::Nodegroup",
        "DependsOn": ["Networking", "Proxy"],
        "Properties": {
            "ClusterName": {"Ref": "Cluster"},
            "NodeRole": arn("NodeRole"),
            "Subnets": SUBNETS,
            "AmiType": "AL2023_x86_64_STANDARD",
            "InstanceTypes": ["t3.medium"],
            "ScalingConfig": {"MinSize": 1, "MaxSize": 4, "DesiredSize": size},
            "Labels": {"role": "general", **labels},
            "Taints": [{"Key": "dedicated", "Value": "yes", "Effect": "NO_SCHEDULE"}],
        },
    }


FULL: dict[str, Any] = {
    **BASE,
    "Networking": {
        "Type": "AWS::EKS::Addon",
        "Properties": {"ClusterName": {"Ref": "Cluster"}, "AddonName": "vpc-cni"},
    },
    "Proxy": {
        "Type": "AWS::EKS::Addon",
        "Properties": {"ClusterName": {"Ref": "Cluster"}, "AddonName": "kube-proxy"},
    },
    "Nodes": node_group(2),
}


@dataclass(frozen=True)
class Cluster:
    """A standing cluster and how its API server answers somebody."""

    account: Account
    stack: str
    name: str

    @property
    def folder(self) -> Path:
        return self.account.server.state / "clusters" / f"{ACCOUNT}-{REGION}-{self.name}"

    def describe(self) -> dict[str, Any]:
        found: dict[str, Any] = self.account.client("eks").describe_cluster(name=self.name)
        return dict(found["cluster"])

    def kubectl(self, *words: str) -> dict[str, Any]:
        """What the administrator sees."""
        config = str(self.folder / "admin.kubeconfig")
        command = [str(self.account.server.tools / "kubectl"), "--kubeconfig", config, *words]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return dict(json.loads(done.stdout)) if "json" in words else {}

    def ask(self, somebody: Account, path: str, *, token_of: str | None = None) -> int:
        """The status with which the API server answers somebody's IAM token."""
        described = self.describe()
        authority = base64.b64decode(described["certificateAuthority"]["data"]).decode()
        request = urllib.request.Request(
            f"{described['endpoint']}/{path}",
            headers={"Authorization": f"Bearer {_token(somebody, token_of or self.name)}"},
        )
        context = ssl.create_default_context(cadata=authority)
        try:
            with urllib.request.urlopen(request, context=context, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code


def _token(somebody: Account, name: str) -> str:
    """A token as `aws eks get-token` makes it."""
    sdk: Any = boto3
    sts = sdk.client(
        "sts",
        endpoint_url=somebody.server.endpoint,
        region_name=REGION,
        aws_access_key_id=somebody.key,
        aws_secret_access_key=somebody.secret,
        aws_session_token=somebody.token,
    )
    sts.meta.events.register(
        "before-sign.sts.GetCallerIdentity",
        lambda request, **_: request.headers.add_header("x-k8s-aws-id", name),
    )
    url = sts.generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
    return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def eventually(what: str, holds: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def full(account: Account, tools: Path) -> Iterator[Cluster]:
    """A cluster with the networking add-on and two nodes."""
    with account.stack(FULL) as stack:
        yield Cluster(account, stack, account.resource(stack, "Cluster"))


@pytest.fixture(scope="module")
def bare(account: Account, tools: Path) -> Iterator[Cluster]:
    """A cluster with nothing in it, in the mode that knows access entries only."""
    with account.stack({**BASE, "Cluster": cluster("API")}) as stack:
        yield Cluster(account, stack, account.resource(stack, "Cluster"))


@pytest.fixture
def person(full: Cluster) -> Iterator[Account]:
    """Somebody without any access to Kubernetes; what a test gives is taken back."""
    name = full.account.resource(full.stack, "Person")
    yield full.account.assume(name)
    principal = f"arn:aws:iam::{ACCOUNT}:role/{name}"
    eks = full.account.client("eks")
    if principal in eks.list_access_entries(clusterName=full.name)["accessEntries"]:
        eks.delete_access_entry(clusterName=full.name, principalArn=principal)


def principal(cluster: Cluster) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{cluster.account.resource(cluster.stack, 'Person')}"


def test_cluster_is_active_as_it_was_asked_for(full: Cluster) -> None:
    shown = full.describe()
    assert shown["status"] == "ACTIVE"
    assert shown["endpoint"].startswith("https://127.0.0.1:")
    assert shown["encryptionConfig"][0]["resources"] == ["secrets"]
    enabled = [s["types"] for s in shown["logging"]["clusterLogging"] if s["enabled"]]
    assert enabled == [["audit"]]
    vpc = shown["resourcesVpcConfig"]
    assert vpc["vpcId"] == full.account.resource(full.stack, "Vpc")
    group = full.account.client("ec2").describe_security_groups(
        GroupIds=[vpc["clusterSecurityGroupId"]]
    )["SecurityGroups"][0]
    assert group["VpcId"] == vpc["vpcId"]


def test_nodes_follow_their_group(full: Cluster) -> None:
    def nodes() -> list[dict[str, Any]]:
        return list(full.kubectl("get", "nodes", "-o", "json")["items"])

    assert len(nodes()) == 2
    assert {node["metadata"]["labels"]["role"] for node in nodes()} == {"general"}
    assert "dedicated" in [taint["key"] for taint in nodes()[0]["spec"]["taints"]]
    full.account.update(full.stack, {**FULL, "Nodes": node_group(3, tier="one")})
    assert len(nodes()) == 3
    assert {node["metadata"]["labels"].get("tier") for node in nodes()} == {"one"}
    full.account.update(full.stack, FULL)
    assert len(nodes()) == 2
    assert {node["metadata"]["labels"].get("tier") for node in nodes()} == {None}


def test_nothing_of_the_cluster_escapes_the_audit(full: Cluster, server: Server) -> None:
    assert server.audit(full.stack) == []


def test_node_role_may_join_by_entry_and_by_aws_auth(full: Cluster) -> None:
    name = f"arn:aws:iam::{ACCOUNT}:role/{full.account.resource(full.stack, 'NodeRole')}"
    entry = full.account.client("eks").describe_access_entry(
        clusterName=full.name, principalArn=name
    )["accessEntry"]
    assert entry["type"] == "EC2_LINUX"
    found = full.kubectl("get", "configmap", "aws-auth", "-n", "kube-system", "-o", "json")
    assert name in found["data"]["mapRoles"]


def test_entry_with_a_policy_lets_in_until_it_is_deleted(full: Cluster, person: Account) -> None:
    eks = full.account.client("eks")
    assert full.ask(person, "api/v1/nodes") == 401
    eks.create_access_entry(clusterName=full.name, principalArn=principal(full))
    eks.associate_access_policy(
        clusterName=full.name,
        principalArn=principal(full),
        policyArn=ADMIN,
        accessScope={"type": "cluster"},
    )
    # The API server keeps an answer of the webhook for some seconds.
    eventually("the person is in", lambda: full.ask(person, "api/v1/nodes") == 200)
    eks.delete_access_entry(clusterName=full.name, principalArn=principal(full))
    eventually("the person is out", lambda: full.ask(person, "api/v1/nodes") == 401)


def test_namespaced_policy_reaches_a_namespace_that_comes_later(
    full: Cluster, person: Account
) -> None:
    later = f"later-{uuid.uuid4().hex[:6]}"
    eks = full.account.client("eks")
    eks.create_access_entry(clusterName=full.name, principalArn=principal(full))
    eks.associate_access_policy(
        clusterName=full.name,
        principalArn=principal(full),
        policyArn=VIEW,
        accessScope={"type": "namespace", "namespaces": [later]},
    )
    assert full.ask(person, f"api/v1/namespaces/{later}/pods") == 403
    full.kubectl("create", "namespace", later)
    eventually(
        "the policy is there", lambda: full.ask(person, f"api/v1/namespaces/{later}/pods") == 200
    )
    assert full.ask(person, "api/v1/namespaces/default/pods") == 403


def test_aws_auth_lets_in_where_the_mode_knows_it(full: Cluster, person: Account) -> None:
    found = full.kubectl("get", "configmap", "aws-auth", "-n", "kube-system", "-o", "json")
    before = found["data"]["mapRoles"]
    line = f"- rolearn: {principal(full)}\n  username: somebody\n  groups: [system:masters]\n"
    for roles, status in ((before + line, 200), (before, 401)):
        patch = json.dumps({"data": {"mapRoles": roles}})
        full.kubectl("patch", "configmap", "aws-auth", "-n", "kube-system", "-p", patch)
        eventually(
            f"answers {status}",
            lambda wanted=status: (
                full.ask(  # type: ignore[misc]
                    person, "api/v1/nodes"
                )
                == wanted
            ),
        )


def test_a_token_serves_one_cluster(full: Cluster, bare: Cluster, person: Account) -> None:
    eks = full.account.client("eks")
    eks.create_access_entry(
        clusterName=full.name, principalArn=principal(full), kubernetesGroups=["people"]
    )
    assert full.ask(person, "api/v1/nodes") == 403
    assert full.ask(person, "api/v1/nodes", token_of=bare.name) == 401


def test_the_accounts_root_has_no_access_of_its_own(full: Cluster) -> None:
    assert full.ask(full.account, "api/v1/nodes") == 401


def test_nodes_without_networking_fail_as_on_eks(bare: Cluster) -> None:
    eks = bare.account.client("eks")
    node_role = f"arn:aws:iam::{ACCOUNT}:role/{bare.account.resource(bare.stack, 'NodeRole')}"
    subnets = [bare.account.resource(bare.stack, f"Subnet{zone}") for zone in "AB"]
    eks.create_nodegroup(
        clusterName=bare.name, nodegroupName="none", nodeRole=node_role, subnets=subnets
    )

    def shown() -> dict[str, Any]:
        found = eks.describe_nodegroup(clusterName=bare.name, nodegroupName="none")
        return dict(found["nodegroup"])

    eventually("it has failed", lambda: shown()["status"] == "CREATE_FAILED")
    issue = shown()["health"]["issues"][0]
    assert issue["code"] == "NodeCreationFailure"
    assert "Unhealthy nodes in the kubernetes cluster" in issue["message"]
    with pytest.raises(ClientError, match="Cluster has nodegroups attached"):
        eks.delete_cluster(name=bare.name)
    eks.delete_nodegroup(clusterName=bare.name, nodegroupName="none")


def test_access_mode_never_goes_back(bare: Cluster) -> None:
    with pytest.raises(ClientError, match="from API to API_AND_CONFIG_MAP"):
        bare.account.client("eks").update_cluster_config(
            name=bare.name, accessConfig={"authenticationMode": "API_AND_CONFIG_MAP"}
        )


def test_deletion_protection_holds_and_is_an_update(bare: Cluster) -> None:
    eks = bare.account.client("eks")
    update = eks.update_cluster_config(name=bare.name, deletionProtection=True)["update"]
    shown = eks.describe_update(name=bare.name, updateId=update["id"])["update"]
    assert (shown["type"], shown["status"]) == ("DeletionProtectionUpdate", "Successful")
    with pytest.raises(ClientError, match="deletion protection"):
        eks.delete_cluster(name=bare.name)
    eks.update_cluster_config(name=bare.name, deletionProtection=False)
    assert bare.describe()["deletionProtection"] is False


def test_an_add_on_is_refused_by_name_and_for_its_role(bare: Cluster) -> None:
    eks = bare.account.client("eks")
    with pytest.raises(ClientError, match="Addon no-such-addon specified is not supported"):
        eks.create_addon(clusterName=bare.name, addonName="no-such-addon")
    missing = f"arn:aws:iam::{ACCOUNT}:role/none"
    with pytest.raises(ClientError, match="role/none"):
        eks.create_addon(clusterName=bare.name, addonName="vpc-cni", serviceAccountRoleArn=missing)
    assert eks.list_addons(clusterName=bare.name)["addons"] == []


def helm(cluster: Cluster, *words: str) -> str:
    tools = cluster.account.server.tools
    commands = cluster.account.server.state / "emulator" / "bin"
    done = subprocess.run(
        [commands / "helm", *words, "--kubeconfig", str(cluster.folder / "admin.kubeconfig")],
        env={"PATH": f"{commands}:{tools}:/usr/bin:/bin", "HOME": str(cluster.folder)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_chart_that_was_given_is_installed(bare: Cluster) -> None:
    repository = ["--repo", "https://charts.example.invalid", "--version", "1.2.3"]
    values = bare.folder / "values.json"
    values.write_text(json.dumps({"text": "hello"}))
    helm(bare, "upgrade", "one", "greeter", "--install", *repository, "--values", str(values))
    assert bare.kubectl("get", "configmap", "greeting", "-o", "json")["data"]["text"] == "hello"
    helm(bare, "uninstall", "one")
    names = [
        item["metadata"]["name"]
        for item in bare.kubectl("get", "configmaps", "-o", "json")["items"]
    ]
    assert "greeting" not in names


def test_a_chart_out_of_reach_is_recorded_and_said_so(bare: Cluster) -> None:
    repository = ["--repo", "https://charts.example.invalid", "--version", "9.9.9"]
    said = helm(bare, "upgrade", "two", "greeter", "--install", *repository)
    assert "RECORDED, NOT INSTALLED" in said
    record = bare.kubectl("get", "configmap", "helm-release-two", "-o", "json")["data"]
    assert record["installed"] == "false"
    assert (record["chart"], record["version"]) == ("greeter", "9.9.9")
    helm(bare, "uninstall", "two")
    names = [
        item["metadata"]["name"]
        for item in bare.kubectl("get", "configmaps", "-o", "json")["items"]
    ]
    assert "helm-release-two" not in names


def _runs(pid: int) -> bool:
    """Whether a process runs; one that has ended may wait for its parent to notice."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_deleted_cluster_leaves_no_process_and_no_file(account: Account, tools: Path) -> None:
    with account.stack(BASE) as stack:
        made = Cluster(account, stack, account.resource(stack, "Cluster"))
        pids = [json.loads(file.read_text())["pid"] for file in made.folder.glob("run/*.pid")]
        assert len(pids) >= 5
    assert not made.folder.exists()
    assert not [pid for pid in pids if _runs(pid)]
