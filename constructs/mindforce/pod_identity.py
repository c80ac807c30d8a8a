"""What a service account's pods may do in AWS."""

from collections.abc import Sequence

from aws_cdk import aws_eks_v2, aws_iam
from constructs import Construct

from mindforce.policy import Statement, document
from mindforce.trust import pod_identity_trust


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
        trust = pod_identity_trust(
            cluster=cluster_name, namespace=namespace, service_account=service_account
        )
        # Plain resources: each call across to CDK's own language costs time at synthesis.
        role = aws_iam.CfnRole(
            self,
            "Role",
            assume_role_policy_document=document(trust),
            policies=[{"policyName": "pods", "policyDocument": document(*statements)}],
        )
        aws_eks_v2.CfnPodIdentityAssociation(
            self,
            "Association",
            cluster_name=cluster_name,
            namespace=namespace,
            service_account=service_account,
            role_arn=role.attr_arn,
        )
