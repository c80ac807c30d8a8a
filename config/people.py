"""The table of people-roles: production's is the base, and what development adds to it."""

from dataclasses import replace

from config.access import Role, Rule, Sight
from config.resources import ALL, READ, WRITE

SEE = (
    Rule(
        resources=(
            "pods", "logs", "workloads", "scale", "autoscaling", "settings", "services",
            "network-policies", "claims", "limits", "events", "permissions", "backups", "usage",
            "nodes", "cluster",
        ),
        verbs=READ,
    ),
)  # fmt: skip
"""All but secrets, and nothing that reaches into a pod."""

WATCH: tuple[Sight, ...] = ("alarms", "dashboard", "logs", "cluster-key")
"""What docs/runbooks looks at in the account; they change nothing there."""

PLATFORM_ADMIN = Role(
    name="platform-admin",
    trusts="people",
    session_hours=4,
    rules=(Rule(resources=("everything",), verbs=(ALL,)),),
    sees=WATCH,
)

DEVELOPER = Role(name="developer", trusts="people", session_hours=8, rules=SEE)

VIEWER = Role(name="viewer", trusts="people", session_hours=8, rules=SEE)

ON_CALL = Role(
    name="on-call",
    trusts="people",
    session_hours=12,
    rules=(
        *SEE,
        # Cordon and drain.
        Rule(resources=("nodes",), verbs=("patch",)),
        Rule(resources=("evictions",), verbs=("create",)),
    ),
    # Who changes pods' templates or gets a shell may read what those pods may read.
    workload_rules=(
        # Restart, scale, go back to the last version.
        Rule(resources=("workloads", "scale", "autoscaling"), verbs=("update", "patch")),
        Rule(resources=("pods",), verbs=("delete",)),
        Rule(resources=("shells",), verbs=("get", "create")),
    ),
    starts=("restore-drill", "database-dump"),
    sees=WATCH,
)

PIPELINE = Role(
    name="pipeline",
    trusts="pipeline",
    session_hours=1,
    # It deploys by CloudFormation; of the cluster it only sees what becomes of a release.
    workload_rules=(
        Rule(resources=("pods", "logs", "workloads", "services", "events"), verbs=READ),
    ),
    # Whether its deploy raised one.
    sees=("alarms",),
)

BREAK_GLASS = Role(name="break-glass", trusts="people", session_hours=1, break_glass=True)

ROLES = (PLATFORM_ADMIN, DEVELOPER, VIEWER, ON_CALL, PIPELINE, BREAK_GLASS)

DEVELOPMENT_ROLES = tuple(
    replace(
        role,
        workload_rules=(
            Rule(
                resources=("pods", "workloads", "scale", "autoscaling", "settings", "services"),
                verbs=WRITE,
            ),
            Rule(resources=("shells",), verbs=("get", "create")),
        ),
    )
    if role is DEVELOPER
    else role
    for role in ROLES
)
"""Where developers try things."""
