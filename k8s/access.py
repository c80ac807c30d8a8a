"""What the groups of people-roles may do.

Each role has its objects even where it has no rules: what leaves the table must leave the cluster,
and `kubectl apply` takes rules away, but never a Role or a binding.
"""

from collections.abc import Mapping, Sequence

from cdk8s import Chart
from cdk8s_plus_27 import k8s as kube
from constructs import Construct

Rules = Sequence[kube.PolicyRule]
"""What one group may do."""

_API_GROUP = "rbac.authorization.k8s.io"


class ClusterAccessChart(Chart):
    """Lets each group do, in every namespace and outside of them, what its rules say."""

    def __init__(self, scope: Construct, id: str, *, groups: Mapping[str, Rules]) -> None:
        super().__init__(scope, id)
        for name, rules in groups.items():
            metadata = kube.ObjectMeta(name=name)
            kube.KubeClusterRole(self, name, metadata=metadata, rules=rules)
            kube.KubeClusterRoleBinding(
                self,
                f"{name}-binding",
                metadata=metadata,
                role_ref=kube.RoleRef(api_group=_API_GROUP, kind="ClusterRole", name=name),
                subjects=[_group(name)],
            )


class NamespaceAccessChart(Chart):
    """Lets each group do in one namespace what its rules say."""

    def __init__(
        self, scope: Construct, id: str, *, namespace: str, groups: Mapping[str, Rules]
    ) -> None:
        super().__init__(scope, id)
        for name, rules in groups.items():
            metadata = kube.ObjectMeta(name=name, namespace=namespace)
            kube.KubeRole(self, name, metadata=metadata, rules=rules)
            kube.KubeRoleBinding(
                self,
                f"{name}-binding",
                metadata=metadata,
                role_ref=kube.RoleRef(api_group=_API_GROUP, kind="Role", name=name),
                subjects=[_group(name)],
            )


def policy_rules(resources: Mapping[str, Sequence[str]], verbs: Sequence[str]) -> Rules:
    """Return rules that allow verbs on resources by API group; all of both is all paths too."""
    rules = [
        kube.PolicyRule(api_groups=[group], resources=list(names), verbs=list(verbs))
        for group, names in resources.items()
    ]
    if "*" in resources and "*" in verbs:
        rules.append(kube.PolicyRule(non_resource_ur_ls=["*"], verbs=list(verbs)))
    return rules


def _group(name: str) -> kube.Subject:
    return kube.Subject(api_group=_API_GROUP, kind="Group", name=name)
