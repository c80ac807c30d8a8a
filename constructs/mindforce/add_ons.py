"""EKS add-ons as native resources."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_eks_v2
from constructs import Construct

from mindforce.policy import Statement
from mindforce.roles import ServiceRole
from mindforce.trust import pod_identity_trust

NAMESPACE = "kube-system"
"""Where those of EKS's add-ons run that are given a role."""


@dataclass(frozen=True, kw_only=True)
class AddOnSettings:
    """What an add-on is given beyond EKS's defaults.

    The pods of `service_account` get a role with these policies. Raises ValueError if there is a
    service account without policies, or policies without one.
    """

    configuration: Mapping[str, Any] | None = None
    service_account: str | None = None
    managed_policies: Sequence[str] = ()
    statements: Sequence[Statement] = ()

    def __post_init__(self) -> None:
        if bool(self.service_account) != bool(self.managed_policies or self.statements):
            raise ValueError("give an add-on a service_account and policies, or neither")


class AddOn(aws_eks_v2.CfnAddon):
    """An EKS add-on that owns its fields in the cluster; its pods start with their role."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        cluster_name: str,
        version: str | None = None,
        settings: AddOnSettings | None = None,
    ) -> None:
        """Make the add-on named `id`; without `version`, in EKS's default for the cluster's."""
        settings = settings or AddOnSettings()
        values = json.dumps(settings.configuration) if settings.configuration else None
        super().__init__(
            scope,
            id,
            addon_name=id,
            cluster_name=cluster_name,
            addon_version=version,
            resolve_conflicts="OVERWRITE",
            configuration_values=values,
            pod_identity_associations=_identities(scope, id, cluster_name, settings),
        )


def _identities(
    scope: Construct, id: str, cluster_name: str, settings: AddOnSettings
) -> list[aws_eks_v2.CfnAddon.PodIdentityAssociationProperty] | None:
    """Return the add-on's own associations.

    One that came after its pods would leave them without credentials until they restart.
    """
    if not settings.service_account:
        return None
    role = ServiceRole(
        scope,
        f"{id}-role",
        trust=pod_identity_trust(
            cluster=cluster_name, namespace=NAMESPACE, service_account=settings.service_account
        ),
        managed_policies=settings.managed_policies,
        statements=settings.statements,
    )
    return [
        aws_eks_v2.CfnAddon.PodIdentityAssociationProperty(
            role_arn=role.arn, service_account=settings.service_account
        )
    ]
