"""The network of an environment."""

from aws_cdk import Stack
from constructs import Construct

from config.model import Environment
from mindforce.network import Network


class NetworkStack(Stack):
    """A VPC with room for pods, whose traffic is logged."""

    def __init__(self, scope: Construct, id: str, *, config: Environment) -> None:
        super().__init__(scope, id, termination_protection=config.deletion_protection)
        network = config.network
        self.network = Network(
            self,
            "Network",
            cidr=network.cidr,
            availability_zones=config.availability_zones,
            nat_gateways=network.nat_gateways,
            private_mask=network.private_mask,
            flow_log_retention_days=network.flow_log_retention_days,
        )
