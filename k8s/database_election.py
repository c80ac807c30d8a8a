"""What members of the database may do in the cluster to elect their primary."""

from collections.abc import Sequence

from cdk8s_plus_27 import k8s as kube
from constructs import Construct

STATE = ("config", "failover", "leader", "sync")
"""What Patroni keeps in a ConfigMap each, by the ends of their names."""


def let_members_elect(
    scope: Construct, *, metadata: kube.ObjectMeta, patroni_scope: str, pods: Sequence[str]
) -> None:
    """Let the service account of that name hold elections, and label `pods` by the result.

    Patroni changes nothing but by patches. Names can't be asked for when something is made, listed
    or watched, so that it may make any ConfigMap; it reads, too, what the namespace's others hold.
    """
    state = [f"{patroni_scope}-{end}" for end in STATE]
    kube.KubeRole(
        scope,
        "Role",
        metadata=metadata,
        rules=[
            _rule("configmaps", "create", "list", "watch"),
            _rule("configmaps", "get", "patch", names=state),
            _rule("pods", "list", "watch"),
            _rule("pods", "patch", names=pods),
        ],
    )
    kube.KubeRoleBinding(
        scope,
        "RoleBinding",
        metadata=metadata,
        role_ref=kube.RoleRef(
            api_group="rbac.authorization.k8s.io", kind="Role", name=str(metadata.name)
        ),
        subjects=[
            kube.Subject(
                kind="ServiceAccount", name=str(metadata.name), namespace=metadata.namespace
            )
        ],
    )


def _rule(resource: str, *verbs: str, names: Sequence[str] = ()) -> kube.PolicyRule:
    return kube.PolicyRule(
        api_groups=[""],
        resources=[resource],
        verbs=list(verbs),
        resource_names=list(names) or None,
    )
