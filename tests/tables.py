"""Tables beside the real one: what its switches lead to is held to the same rules."""

from dataclasses import replace

from config.environments import PROD, TABLE
from config.platform import Domain

OTHERWISE = replace(
    TABLE,
    environments=(
        replace(
            PROD,
            cluster=replace(
                PROD.cluster,
                endpoint_cidrs=("192.0.2.0/24",),
                node_groups=(
                    replace(
                        PROD.cluster.node_groups[0],
                        instance_types=("m7g.large",),
                        ami_type="BOTTLEROCKET_ARM_64",
                    ),
                ),
            ),
            platform=replace(
                PROD.platform,
                domain=Domain(name="www.example.com", hosted_zone_id="Z0123456789ABCDEFGHIJ"),
            ),
            access=replace(PROD.access, mode="aws-auth"),
            web=replace(PROD.web, load_balancer="network"),
        ),
    ),
)
"""One environment with a domain, a public endpoint, aws-auth, Bottlerocket and a Network Load
Balancer, where the real table has none."""
