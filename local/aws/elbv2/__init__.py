"""Elastic Load Balancing v2: what the controller asks of it and MiniStack gets wrong."""

from local.aws.elbv2 import actions, certificates, load_balancers, permissions, target_groups


def install() -> None:
    load_balancers.install()
    target_groups.install()
    actions.install()
    certificates.install()
    permissions.install()
