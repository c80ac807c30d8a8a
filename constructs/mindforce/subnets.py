"""The subnets of a VPC, with their ways out."""

from collections.abc import Sequence
from ipaddress import IPv4Network
from itertools import islice

from aws_cdk import Tags, aws_ec2
from constructs import Construct

PUBLIC_MASK = 24
"""Public subnets hold load balancers and NAT gateways only."""

# What the AWS Load Balancer Controller finds subnets by.
_ROLES = {"Public": "kubernetes.io/role/elb", "Private": "kubernetes.io/role/internal-elb"}


class Subnets:
    """A public and a private subnet in each zone, of which none gives out public addresses.

    Private ones leave by a NAT gateway, public ones share a route table to the internet. They are
    plain resources, made below their VPC: each call across to CDK's own language costs time.
    """

    def __init__(
        self,
        vpc: aws_ec2.Vpc,
        *,
        cidr: str,
        availability_zones: Sequence[str],
        nat_gateways: int,
        private_mask: int,
    ) -> None:
        self._vpc, self._vpc_id = vpc, vpc.vpc_id
        self._path = vpc.node.path
        self.route_tables: list[str] = []
        private, public = _blocks(IPv4Network(cidr), len(availability_zones), private_mask)
        way_out = self._internet()
        zones = list(zip(availability_zones, public, private, strict=True))
        self.public: dict[str, str] = {}
        gateways: list[str] = []
        for number, (zone, block, _) in enumerate(zones, 1):
            scope, subnet = self._subnet("Public", number, zone, block)
            associated = self._associate(scope, subnet, self.route_tables[0])
            self.public[subnet] = block
            if len(gateways) < nat_gateways:
                gateway = self._nat_gateway(scope, subnet)
                gateway.add_resource_dependency(way_out)
                gateway.add_resource_dependency(associated)
                gateways.append(gateway.ref)
        self.private: list[str] = []
        for number, (zone, _, block) in enumerate(zones, 1):
            scope, subnet = self._subnet("Private", number, zone, block)
            table = self._route_table(scope, "RouteTable")
            self._associate(scope, subnet, table)
            aws_ec2.CfnRoute(
                scope,
                "DefaultRoute",
                route_table_id=table,
                destination_cidr_block="0.0.0.0/0",
                nat_gateway_id=gateways[(number - 1) % nat_gateways],
            )
            self.private.append(subnet)

    def _internet(self) -> aws_ec2.CfnRoute:
        gateway = aws_ec2.CfnInternetGateway(self._vpc, "IGW").ref
        attached = aws_ec2.CfnVPCGatewayAttachment(
            self._vpc, "VPCGW", vpc_id=self._vpc_id, internet_gateway_id=gateway
        )
        route = aws_ec2.CfnRoute(
            self._vpc,
            "PublicDefaultRoute",
            route_table_id=self._route_table(self._vpc, "PublicRouteTable"),
            destination_cidr_block="0.0.0.0/0",
            gateway_id=gateway,
        )
        route.add_resource_dependency(attached)
        return route

    def _subnet(self, kind: str, number: int, zone: str, block: str) -> tuple[Construct, str]:
        name = f"{kind}Subnet{number}"
        scope = Construct(self._vpc, name)
        # The VPC's own name would be everybody's.
        Tags.of(scope).add("Name", f"{self._path}/{name}")
        subnet = aws_ec2.CfnSubnet(
            scope,
            "Subnet",
            vpc_id=self._vpc_id,
            availability_zone=zone,
            cidr_block=block,
            map_public_ip_on_launch=False,
            tags=[{"key": _ROLES[kind], "value": "1"}],
        )
        return scope, subnet.ref

    def _route_table(self, scope: Construct, id: str) -> str:
        table = aws_ec2.CfnRouteTable(scope, id, vpc_id=self._vpc_id).ref
        self.route_tables.append(table)
        return table

    @staticmethod
    def _associate(
        scope: Construct, subnet: str, table: str
    ) -> aws_ec2.CfnSubnetRouteTableAssociation:
        return aws_ec2.CfnSubnetRouteTableAssociation(
            scope, "RouteTableAssociation", subnet_id=subnet, route_table_id=table
        )

    @staticmethod
    def _nat_gateway(scope: Construct, subnet: str) -> aws_ec2.CfnNatGateway:
        address = aws_ec2.CfnEIP(scope, "EIP", domain="vpc").attr_allocation_id
        return aws_ec2.CfnNatGateway(scope, "NATGateway", subnet_id=subnet, allocation_id=address)


def _blocks(network: IPv4Network, zones: int, private_mask: int) -> tuple[list[str], list[str]]:
    """Return the private blocks, from the start of the network, and the public ones after them."""
    blocks = network.subnets(new_prefix=private_mask)
    private = [str(block) for block in islice(blocks, zones)]
    public = next(blocks).subnets(new_prefix=PUBLIC_MASK)
    return private, [str(block) for block in islice(public, zones)]
