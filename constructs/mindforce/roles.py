"""Roles that AWS services assume, for themselves or for pods."""

from collections.abc import Sequence

from aws_cdk import aws_iam
from constructs import Construct

from mindforce.policy import Statement, document
from mindforce.trust import Trust


class ServiceRole(aws_iam.CfnRole):
    """A role that one trusted service can assume, with nothing but what is named."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        trust: Trust,
        managed_policies: Sequence[str] = (),
        statements: Sequence[Statement] = (),
    ) -> None:
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
