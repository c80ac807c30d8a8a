"""EKS add-ons as native resources."""

import json
from collections.abc import Mapping
from typing import Any

from aws_cdk import aws_eks_v2, aws_iam
from constructs import Construct


class AddOn(Construct):
    """An EKS add-on that owns its fields in the cluster; its pods get `policy` by Pod Identity."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        cluster: aws_eks_v2.ICluster,
        name: str,
        configuration: Mapping[str, Any] | None = None,
        service_account: str | None = None,
        policy: str | None = None,
    ) -> None:
        """Raise ValueError if only one of `service_account` and `policy` (AWS managed) is given."""
        super().__init__(scope, id)
        if (service_account is None) != (policy is None):
            raise ValueError(f"add-on {name}: give both service_account and policy, or neither")
        identities = None
        if service_account and policy:
            role = pod_identity_role(self, "Role")
            role.add_managed_policy(aws_iam.ManagedPolicy.from_aws_managed_policy_name(policy))
            identities = [
                aws_eks_v2.CfnAddon.PodIdentityAssociationProperty(
                    role_arn=role.role_arn, service_account=service_account
                )
            ]
        aws_eks_v2.CfnAddon(
            self,
            "AddOn",
            addon_name=name,
            cluster_name=cluster.cluster_name,
            resolve_conflicts="OVERWRITE",
            configuration_values=json.dumps(configuration) if configuration else None,
            pod_identity_associations=identities,
        )


def pod_identity_role(scope: Construct, id: str) -> aws_iam.Role:
    """Return a role that only EKS Pod Identity can assume, on behalf of an associated pod."""
    # EKS tags the session with cluster, namespace and service account.
    principal = aws_iam.ServicePrincipal("pods.eks.amazonaws.com").with_session_tags()
    return aws_iam.Role(scope, id, assumed_by=principal)
