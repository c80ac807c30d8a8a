"""The network of an environment."""

from constructs import Construct

from config.model import Environment
from mindforce.network import Network
from stacks.environment_stack import EnvironmentStack


class NetworkStack(EnvironmentStack):
    """A VPC with room for pods, whose traffic is logged."""

    def __init__(self, scope: Construct, id: str, *, config: Environment) -> None:
        super().__init__(scope, id, config=config)
        network = config.network
        self.network = Network(
            self,
            "Network",
            cidr=network.cidr,
            availability_zones=config.availability_zones,
            nat_gateways=network.nat_gateways,
            private_mask=network.private_mask,
            flow_log_retention_days=network.flow_log_retention_days,
            region=config.region,
            interface_endpoints=network.interface_endpoints,
        )
