"""What a service account's pods may do in AWS."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import aws_eks_v2, aws_iam
from constructs import Construct

Statement = Mapping[str, Any]


class PodIdentity(Construct):
    """A role that only the pods of one service account can assume, by EKS Pod Identity."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        cluster_name: str,
        namespace: str,
        service_account: str,
        statements: Sequence[Statement],
    ) -> None:
        """`statements` are those of the role's policy; Effect is Allow where none is given."""
        super().__init__(scope, id)
        # EKS tags the session with cluster, namespace and service account.
        tags = {
            "aws:RequestTag/eks-cluster-name": cluster_name,
            "aws:RequestTag/kubernetes-namespace": namespace,
            "aws:RequestTag/kubernetes-service-account": service_account,
        }
        trust = {
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": {"StringEquals": tags},
        }
        # Plain resources: each call across to CDK's own language costs time at synthesis.
        role = aws_iam.CfnRole(
            self,
            "Role",
            assume_role_policy_document=_document([trust]),
            policies=[{"policyName": "pods", "policyDocument": _document(statements)}],
        )
        aws_eks_v2.CfnPodIdentityAssociation(
            self,
            "Association",
            cluster_name=cluster_name,
            namespace=namespace,
            service_account=service_account,
            role_arn=role.attr_arn,
        )


def _document(statements: Sequence[Statement]) -> dict[str, Any]:
    allowed = [{"Effect": "Allow", **statement} for statement in statements]
    return {"Version": "2012-10-17", "Statement": allowed}
