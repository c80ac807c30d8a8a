"""EKS Pod Identity takes roles that it could hand to pods."""

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.clusters import BASE, Cluster, arn, principal
from tests.local_aws.support import ACCOUNT, StackFailedError


def test_a_pod_identity_needs_a_role_that_pods_may_tag(bare: Cluster) -> None:
    eks = bare.account.client("eks")
    good, bad = (
        f"arn:aws:iam::{ACCOUNT}:role/{bare.account.resource(bare.stack, name)}"
        for name in ("PodRole", "UntaggedRole")
    )
    wanted = {"clusterName": bare.name, "namespace": "default", "serviceAccount": "app"}
    refusal = r"Trust policy of the role provided is invalid.*sts:TagSession"
    for refused in (bad, principal(bare)):
        with pytest.raises(eks.exceptions.InvalidParameterException, match=refusal):
            eks.create_pod_identity_association(**wanted, roleArn=refused)
    with pytest.raises(eks.exceptions.InvalidParameterException, match=r"role/none .*not exist"):
        eks.create_pod_identity_association(**wanted, roleArn=f"{good.rsplit('/', 1)[0]}/none")
    made = eks.create_pod_identity_association(**wanted, roleArn=good)["association"]
    key = {"clusterName": bare.name, "associationId": made["associationId"]}
    with pytest.raises(eks.exceptions.InvalidParameterException, match=refusal):
        eks.update_pod_identity_association(**key, roleArn=bad)
    shown = eks.describe_pod_identity_association(**key)["association"]
    eks.delete_pod_identity_association(**key)
    assert shown["roleArn"] == good


def test_an_add_ons_pod_identity_needs_such_a_role(bare: Cluster) -> None:
    eks = bare.account.client("eks")
    roles = {
        name: f"arn:aws:iam::{ACCOUNT}:role/{bare.account.resource(bare.stack, name)}"
        for name in ("PodRole", "UntaggedRole")
    }

    def create(role: str) -> None:
        identity = {"serviceAccount": "aws-node", "roleArn": roles[role]}
        eks.create_addon(
            clusterName=bare.name, addonName="vpc-cni", podIdentityAssociations=[identity]
        )

    with pytest.raises(ClientError, match="Trust policy of the role provided is invalid"):
        create("UntaggedRole")
    assert eks.list_addons(clusterName=bare.name)["addons"] == []
    create("PodRole")
    found = eks.list_pod_identity_associations(clusterName=bare.name)["associations"]
    eks.delete_addon(clusterName=bare.name, addonName="vpc-cni")
    assert [item["serviceAccount"] for item in found] == ["aws-node"]


def test_a_stacks_pod_identity_needs_such_a_role(bare: Cluster) -> None:
    association = {
        "Type": "AWS::EKS::PodIdentityAssociation",
        "Properties": {
            "ClusterName": bare.name,
            "Namespace": "default",
            "ServiceAccount": "stack",
            "RoleArn": arn("Role"),
        },
    }
    untagged = {"Role": BASE["UntaggedRole"], "Identity": association}
    with pytest.raises(StackFailedError, match="Trust policy of the role provided is invalid"):
        bare.account.create("untagged-identity", untagged)
    bare.account.delete("untagged-identity")
    with bare.account.stack({"Role": BASE["PodRole"], "Identity": association}):
        found = bare.account.client("eks").list_pod_identity_associations(clusterName=bare.name)
    assert [item["serviceAccount"] for item in found["associations"]] == ["stack"]
