"""The table of people-roles, wired: IAM roles, the groups they become, what these may do."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from aws_cdk import aws_eks_v2
from constructs import Construct, IDependable

from config.access import STARTED, Role, Rule
from config.model import Environment
from config.resources import RESOURCES
from k8s.access import Rules, cluster_access, namespace_access, policy_rules
from k8s.job_starters import nowhere_else, start_policy, start_right
from mindforce.access import Access
from mindforce.manifest import Objects
from mindforce.sights import Sights, sights

GATE = "mindforce-rollout-gate"
"""The group of the roll-out gate, which looks for volumes before a cluster goes."""


def let_people_in(
    scope: Construct,
    *,
    config: Environment,
    cluster: aws_eks_v2.ICluster,
    key_arn: str,
    nodes: IDependable,
    node_roles: Sequence[str],
) -> None:
    """Make the roles of the table, and let each become its group in the cluster.

    `key_arn` is the key of the cluster's secrets.
    """
    table = config.access
    access = Access(scope, "Access", cluster=cluster)
    known = sights(
        account=config.account, region=config.region, cluster_name=config.name, key_arn=key_arn
    )
    for role in table.roles:
        arn = _iam_role(access, role, config, known)
        if role.break_glass:
            access.grant_admin(role.iam_name, role_arn=arn)
        # No broken ConfigMap shall stop a pipeline.
        elif table.mode == "access-entries" or role.trusts == "pipeline":
            access.map_by_entry(
                role.iam_name, role_arn=arn, group=role.group, username=role.username
            )
        else:
            access.map_by_aws_auth(role_arn=arn, group=role.group, username=role.username)
    written = access.write_aws_auth(node_roles=node_roles)
    if written is not None:
        # EKS writes the first aws-auth when the first nodes come.
        written.node.add_dependency(nodes)


def everywhere(roles: Sequence[Role]) -> Objects:
    """Return what the roles and the gate may do in all of the cluster, as Kubernetes objects."""
    rights = (item for role in _with_rbac(roles) for item in _everywhere(role))
    return [*_gate(), *rights, *_held(roles)]


def in_namespace(roles: Sequence[Role], namespace: str) -> Objects:
    """Return what the roles may do in a namespace of the workloads, as Kubernetes objects."""
    return [item for role in _with_rbac(roles) for item in _there(role, namespace)]


def starting(roles: Sequence[Role], namespaces: Sequence[str]) -> Objects:
    """Return the rights to start the CronJobs of these namespaces, as Kubernetes objects."""
    return [
        item
        for name, space in STARTED.items()
        if space in namespaces
        for item in start_right(name, namespace=space, groups=_starters(roles, name))
    ]


def _held(roles: Sequence[Role]) -> Objects:
    """Return what holds who may start a CronJob to doing just that."""
    policies = [
        item
        for name, space in STARTED.items()
        for item in start_policy(name, namespace=space, groups=_starters(roles, name))
    ]
    whoever = {group: None for name in STARTED for group in _starters(roles, name)}
    return [*policies, *nowhere_else([*STARTED.values()], groups=[*whoever])]


def _starters(roles: Sequence[Role], cron_job: str) -> list[str]:
    return [role.group for role in _with_rbac(roles) if cron_job in role.starts]


@cache
def _gate() -> Objects:
    return cluster_access(
        GATE,
        policy_rules(
            {"": ["persistentvolumes"], "elbv2.k8s.aws": ["targetgroupbindings"]}, ["list"]
        ),
    )


# Environments share most of their roles, and an object costs a way through jsii.
@cache
def _there(role: Role, namespace: str) -> Objects:
    return namespace_access(namespace, role.group, _rules(role.workload_rules))


@cache
def _everywhere(role: Role) -> Objects:
    return cluster_access(role.group, _rules(role.rules))


def _with_rbac(roles: Sequence[Role]) -> list[Role]:
    return [role for role in roles if not role.break_glass]


def _rules(rules: Sequence[Rule]) -> Rules:
    made: list[Any] = []
    for rule in rules:
        resources: dict[str, list[str]] = {}
        for name in rule.resources:
            for group, names in RESOURCES[name].items():
                resources.setdefault(group, []).extend(names)
        made += policy_rules(resources, rule.verbs)
    return made


def _iam_role(access: Access, role: Role, config: Environment, known: Sights) -> str:
    name, hours = role.iam_name, role.session_hours
    sees: Sights = {sight: known[sight] for sight in role.sees}
    if role.trusts == "pipeline":
        return access.role_for_machine(
            name, role_arn=config.access.pipeline_role, session_hours=hours, sees=sees
        )
    return access.role_for_people(
        name, account=config.access.identity_account, session_hours=hours, sees=sees
    )
