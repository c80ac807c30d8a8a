"""Roles that AWS services assume."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import aws_iam
from constructs import Construct

PODS = "pods.eks.amazonaws.com"
"""The service that hands roles to pods: EKS Pod Identity."""

Statement = Mapping[str, Any]
"""A policy statement as IAM writes it."""


class ServiceRole(aws_iam.CfnRole):
    """A role that one AWS service can assume, with nothing but what is named."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        service: str,
        managed_policies: Sequence[str] = (),
        statements: Sequence[Statement] = (),
    ) -> None:
        # EKS tags a pod's session with cluster, namespace and service account.
        actions = ["sts:AssumeRole", "sts:TagSession"] if service == PODS else ["sts:AssumeRole"]
        trust = {"Effect": "Allow", "Action": actions, "Principal": {"Service": service}}
        policy = aws_iam.CfnRole.PolicyProperty(
            policy_name="own", policy_document=document(*statements)
        )
        super().__init__(
            scope,
            id,
            assume_role_policy_document=document(trust),
            managed_policy_arns=[f"arn:aws:iam::aws:policy/{name}" for name in managed_policies],
            policies=[policy] if statements else None,
        )
        self.arn = self.attr_arn


def document(*statements: Statement) -> dict[str, Any]:
    """Return a policy of these statements, each of which allows unless it says otherwise."""
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", **statement} for statement in statements],
    }
