"""Who may log in to a cluster, and as which Kubernetes group."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Aws, aws_eks_v2, aws_iam
from constructs import Construct

from mindforce.policy import document
from mindforce.sights import Sights

_ADMIN_POLICY = "cluster-access-policy/AmazonEKSClusterAdminPolicy"
_NODES = {
    "username": "system:node:{{EC2PrivateDNSName}}",
    "groups": ["system:bootstrappers", "system:nodes"],
}
"""What EKS itself writes into aws-auth for the role of a node group."""


class Access(Construct):
    """IAM roles that nobody assumes by a password alone, and that may only log in and look."""

    def __init__(self, scope: Construct, id: str, *, cluster: aws_eks_v2.ICluster) -> None:
        super().__init__(scope, id)
        self._cluster = cluster
        self._cluster_name = cluster.cluster_name
        self._cluster_arn = cluster.cluster_arn
        self._lines: list[Mapping[str, Any]] = []

    def role_for_people(self, name: str, *, account: str, session_hours: int, sees: Sights) -> str:
        """Make a role that an account's users assume with MFA, and return its ARN."""
        factor = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
        return self._role(name, account, factor, session_hours, sees)

    def role_for_machine(
        self, name: str, *, role_arn: str, session_hours: int, sees: Sights
    ) -> str:
        """Make a role that another role assumes, and return its ARN."""
        # As a condition, because a principal must exist when a policy names it.
        only = {"ArnEquals": {"aws:PrincipalArn": role_arn}}
        return self._role(name, role_arn.split(":")[4], only, session_hours, sees)

    def map_by_entry(self, name: str, *, role_arn: str, group: str, username: str) -> None:
        """Let a role into a group by an access entry."""
        aws_eks_v2.CfnAccessEntry(
            self,
            f"{name}Entry",
            cluster_name=self._cluster_name,
            principal_arn=role_arn,
            kubernetes_groups=[group],
            username=username,
        )

    def map_by_aws_auth(self, *, role_arn: str, group: str, username: str) -> None:
        """Let a role into a group by a line of aws-auth, which `write_aws_auth` writes."""
        self._lines.append({"rolearn": role_arn, "username": username, "groups": [group]})

    def grant_admin(self, name: str, *, role_arn: str) -> None:
        """Let a role do anything by EKS's own policy, which needs neither RBAC nor aws-auth."""
        properties = aws_eks_v2.CfnAccessEntry
        properties(
            self,
            f"{name}Entry",
            cluster_name=self._cluster_name,
            principal_arn=role_arn,
            access_policies=[
                properties.AccessPolicyProperty(
                    policy_arn=f"arn:{Aws.PARTITION}:eks::aws:{_ADMIN_POLICY}",
                    access_scope=properties.AccessScopeProperty(type="cluster"),
                )
            ],
        )

    def write_aws_auth(self, *, node_roles: Sequence[str]) -> aws_eks_v2.KubernetesPatch | None:
        """Put the mapped roles over what EKS wrote for the nodes; they go when the patch goes.

        Only mapRoles is written. Returns None when nothing was mapped by aws-auth.
        """
        if not self._lines:
            return None
        nodes = [{"rolearn": arn, **_NODES} for arn in node_roles]
        return aws_eks_v2.KubernetesPatch(
            self,
            "AwsAuth",
            cluster=self._cluster,
            resource_name="configmap/aws-auth",
            resource_namespace="kube-system",
            apply_patch=_map_roles([*nodes, *self._lines]),
            restore_patch=_map_roles(nodes),
        )

    def _role(
        self,
        name: str,
        account: str,
        condition: Mapping[str, Any],
        session_hours: int,
        sees: Sights,
    ) -> str:
        kubeconfig = {"Action": "eks:DescribeCluster", "Resource": self._cluster_arn}
        may = {"kubeconfig": [kubeconfig], **sees}
        role = aws_iam.CfnRole(
            self,
            name,
            # Named, because other accounts let people assume it.
            role_name=name,
            description="Logs in to the cluster",
            max_session_duration=session_hours * 3600,
            assume_role_policy_document=document(
                {
                    "Principal": {"AWS": f"arn:{Aws.PARTITION}:iam::{account}:root"},
                    "Action": "sts:AssumeRole",
                    "Condition": condition,
                }
            ),
            policies=[
                aws_iam.CfnRole.PolicyProperty(policy_name=policy, policy_document=document(*what))
                for policy, what in may.items()
            ],
        )
        return role.attr_arn


def _map_roles(lines: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    # JSON is YAML, without YAML's ways to be misread.
    return {"data": {"mapRoles": json.dumps(lines)}}
