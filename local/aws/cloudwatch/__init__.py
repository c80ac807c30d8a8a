"""CloudWatch: alarms over queries, and actions that a topic's and a key's policy must allow."""

from local.aws.cloudwatch import (
    actions,
    alarms,
    dashboards,
    evaluation,
    permissions,
    transitions,
)


def install() -> None:
    alarms.install()
    dashboards.install()
    actions.install()
    evaluation.install()
    transitions.install()
    permissions.install()
