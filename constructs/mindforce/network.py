"""A VPC for a cluster."""

from collections.abc import Sequence
from typing import cast

from aws_cdk import RemovalPolicy, aws_ec2, aws_logs
from constructs import Construct

from mindforce.retention import retention_days

PUBLIC_MASK = 24
"""Public subnets hold load balancers and NAT gateways only."""


class Network(Construct):
    """A VPC in which nothing gets a public address by itself and all traffic is logged."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        cidr: str,
        availability_zones: Sequence[str],
        nat_gateways: int,
        private_mask: int,
        flow_log_retention_days: int,
        region: str,
        interface_endpoints: Sequence[str],
    ) -> None:
        super().__init__(scope, id)
        private = aws_ec2.SubnetType.PRIVATE_WITH_EGRESS
        self.vpc = aws_ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=aws_ec2.IpAddresses.cidr(cidr),
            availability_zones=list(availability_zones),
            nat_gateways=nat_gateways,
            restrict_default_security_group=True,
            subnet_configuration=[
                # First, so that they fill the start of the address space without a gap.
                aws_ec2.SubnetConfiguration(
                    name="Private", subnet_type=private, cidr_mask=private_mask
                ),
                aws_ec2.SubnetConfiguration(
                    name="Public",
                    subnet_type=aws_ec2.SubnetType.PUBLIC,
                    cidr_mask=PUBLIC_MASK,
                    map_public_ip_on_launch=False,
                ),
            ],
            gateway_endpoints={
                "S3": aws_ec2.GatewayVpcEndpointOptions(
                    service=aws_ec2.GatewayVpcEndpointAwsService.S3
                )
            },
        )
        self.private_subnet_ids = self.vpc.select_subnets(subnet_type=private).subnet_ids
        self._log_flows(flow_log_retention_days)
        if interface_endpoints:
            self._serve_inside(interface_endpoints, cidr, region)

    def _log_flows(self, days: int) -> None:
        group = aws_logs.LogGroup(
            self, "FlowLogs", retention=retention_days(days), removal_policy=RemovalPolicy.DESTROY
        )
        self.vpc.add_flow_log(
            "FlowLog", destination=aws_ec2.FlowLogDestination.to_cloud_watch_logs(group)
        )

    def _serve_inside(self, services: Sequence[str], cidr: str, region: str) -> None:
        """Answer for AWS services in the private subnets, by their usual names."""
        ec2, vpc = aws_ec2, self.vpc.vpc_id
        group = ec2.CfnSecurityGroup(
            self,
            "Endpoints",
            group_description="Interface endpoints: HTTPS from the VPC, and nothing out",
            vpc_id=vpc,
            security_group_ingress=[
                ec2.CfnSecurityGroup.IngressProperty(
                    ip_protocol="tcp",
                    from_port=443,
                    to_port=443,
                    cidr_ip=cidr,
                    description="HTTPS from the VPC",
                )
            ],
            # Without a rule EC2 adds one that lets everything out; this one matches nothing.
            security_group_egress=[
                ec2.CfnSecurityGroup.EgressProperty(
                    ip_protocol="icmp",
                    from_port=252,
                    to_port=86,
                    cidr_ip="255.255.255.255/32",
                    description="Nothing out",
                )
            ],
        ).attr_group_id
        for service in services:
            ec2.CfnVPCEndpoint(
                self,
                f"Endpoint-{service}",
                service_name=f"com.amazonaws.{region}.{service}",
                vpc_endpoint_type="Interface",
                vpc_id=vpc,
                subnet_ids=self.private_subnet_ids,
                security_group_ids=[group],
                private_dns_enabled=True,
            )

    @property
    def load_balancer_subnets(self) -> list[aws_ec2.PublicSubnet]:
        """The public subnets, which every load balancer uses, internal ones too."""
        return [cast(aws_ec2.PublicSubnet, subnet) for subnet in self.vpc.public_subnets]
