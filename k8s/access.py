"""What the group of a people-role may do.

A role has its objects even where it has no rules: what leaves the table must leave the cluster,
and `kubectl apply` takes rules away, but never a Role or a binding.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from cdk8s_plus_27 import k8s as kube

Manifest = Sequence[Mapping[str, Any]]
Rules = Sequence[kube.PolicyRule]
"""What a group may do."""

_API_GROUP = "rbac.authorization.k8s.io"


def cluster_access(group: str, rules: Rules) -> Manifest:
    """Let a group do, in every namespace and outside of them, what its rules say.

    No chart: its objects are the same in most environments, which share them as they are.
    """
    # Not the group's name alone: these once had a manifest of their own, and what that takes along
    # when it goes must not be what is applied now.
    name = f"{group}:everywhere"
    metadata = kube.ObjectMeta(name=name)
    return [
        kube.KubeClusterRole.manifest(metadata=metadata, rules=rules),
        kube.KubeClusterRoleBinding.manifest(
            metadata=metadata,
            role_ref=kube.RoleRef(api_group=_API_GROUP, kind="ClusterRole", name=name),
            subjects=[_subject(group)],
        ),
    ]


def namespace_access(namespace: str, group: str, rules: Rules) -> Manifest:
    """Let a group do in one namespace what its rules say."""
    metadata = kube.ObjectMeta(name=group, namespace=namespace)
    return [
        kube.KubeRole.manifest(metadata=metadata, rules=rules),
        kube.KubeRoleBinding.manifest(
            metadata=metadata,
            role_ref=kube.RoleRef(api_group=_API_GROUP, kind="Role", name=group),
            subjects=[_subject(group)],
        ),
    ]


def policy_rules(resources: Mapping[str, Sequence[str]], verbs: Sequence[str]) -> Rules:
    """Return rules that allow verbs on resources by API group; all of both is all paths too."""
    rules = [
        kube.PolicyRule(api_groups=[group], resources=list(names), verbs=list(verbs))
        for group, names in resources.items()
    ]
    if "*" in resources and "*" in verbs:
        rules.append(kube.PolicyRule(non_resource_ur_ls=["*"], verbs=list(verbs)))
    return rules


def _subject(group: str) -> kube.Subject:
    return kube.Subject(api_group=_API_GROUP, kind="Group", name=group)
