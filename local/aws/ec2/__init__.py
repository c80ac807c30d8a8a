"""EC2: addresses, NAT gateways, flow logs, security group rules, endpoints, zones, …"""

from local.aws.ec2 import (
    addresses,
    attributes,
    endpoints,
    flow_logs,
    launch_templates,
    nat_gateways,
    permissions,
    security_group_rules,
    volume_encryption,
    zones,
)


def install() -> None:
    addresses.install()
    nat_gateways.install()
    flow_logs.install()
    security_group_rules.install()
    endpoints.install()
    launch_templates.install()
    attributes.install()
    volume_encryption.install()
    zones.install()
    permissions.install()
