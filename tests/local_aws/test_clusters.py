"""Clusters with a real control plane: as asked for, changed, refused and gone."""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.clusters import BASE, SUBNETS, Cluster, cluster, principal
from tests.local_aws.support import ACCOUNT, Account, Server, StackFailedError, eventually


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


def test_nothing_of_the_cluster_escapes_the_audit(full: Cluster, server: Server) -> None:
    assert server.audit(full.stack) == []


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


def test_each_kind_of_a_clusters_changes_is_an_update_of_its_own(
    account: Account, tools: Path
) -> None:
    changed = cluster("API")
    changed["Properties"] |= {
        "Logging": {"ClusterLogging": {"EnabledTypes": [{"Type": "api"}]}},
        "ResourcesVpcConfig": {"SubnetIds": SUBNETS, "EndpointPrivateAccess": True},
        "ZonalShiftConfig": {"Enabled": True},
        "Tags": [{"Key": "team", "Value": "one"}],
    }
    with account.stack(BASE) as stack:
        made = Cluster(account, stack, account.resource(stack, "Cluster"))
        _map_person(made)
        person = account.assume(account.resource(stack, "Person"))
        eventually("aws-auth lets in", lambda: made.ask(person, "api/v1/nodes") == 200)
        account.update(stack, {**BASE, "Cluster": changed})
        eks = account.client("eks")
        kinds = [
            eks.describe_update(name=made.name, updateId=update)["update"]["type"]
            for update in eks.list_updates(name=made.name)["updateIds"]
        ]
        assert sorted(kinds) == [
            "AccessConfigUpdate",
            "EndpointAccessUpdate",
            "LoggingUpdate",
            "ZonalShiftConfigUpdate",
        ]
        shown = made.describe()
        assert shown["accessConfig"]["authenticationMode"] == "API"
        assert shown["resourcesVpcConfig"]["endpointPrivateAccess"] is True
        assert [s["types"] for s in shown["logging"]["clusterLogging"] if s["enabled"]] == [["api"]]
        assert shown["tags"]["team"] == "one"
        # From here on nobody asks aws-auth, and nothing leads back.
        eventually("aws-auth lets nobody in", lambda: made.ask(person, "api/v1/nodes") == 401)
        with pytest.raises(StackFailedError, match="from API to API_AND_CONFIG_MAP"):
            account.update(stack, BASE)
        assert made.describe()["accessConfig"]["authenticationMode"] == "API"


def _map_person(made: Cluster) -> None:
    line = f"- {{rolearn: {principal(made)}, username: p, groups: [system:masters]}}"
    made.kubectl(
        "create", "configmap", "aws-auth", "-n", "kube-system", f"--from-literal=mapRoles={line}"
    )


def test_an_add_on_is_refused_by_name_and_for_its_role(bare: Cluster) -> None:
    eks = bare.account.client("eks")
    with pytest.raises(ClientError, match="Addon no-such-addon specified is not supported"):
        eks.create_addon(clusterName=bare.name, addonName="no-such-addon")
    missing = f"arn:aws:iam::{ACCOUNT}:role/none"
    with pytest.raises(ClientError, match="role/none"):
        eks.create_addon(clusterName=bare.name, addonName="vpc-cni", serviceAccountRoleArn=missing)
    assert eks.list_addons(clusterName=bare.name)["addons"] == []


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
