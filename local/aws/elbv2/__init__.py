"""Elastic Load Balancing v2: what the controller asks of it and MiniStack gets wrong."""

from local.aws.elbv2 import (
    actions,
    certificates,
    load_balancers,
    network,
    permissions,
    target_groups,
)


def install() -> None:
    load_balancers.install()
    target_groups.install()
    actions.install()
    certificates.install()
    # Last of those that look at a listener, so that it is judged before it is made.
    network.install()
    permissions.install()
