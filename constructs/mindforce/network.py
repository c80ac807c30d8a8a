"""A VPC for a cluster."""

from collections.abc import Sequence
from typing import cast

from aws_cdk import CfnResource, RemovalPolicy, Stack, aws_ec2, aws_iam, aws_logs
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
        logs = aws_logs.LogGroup(
            self,
            "FlowLogs",
            retention=retention_days(flow_log_retention_days),
            removal_policy=RemovalPolicy.DESTROY,
        )
        self._log_flows(logs)
        self._log_cdks_function_to(logs)
        if interface_endpoints:
            self._serve_inside(interface_endpoints, cidr, region)

    def _log_flows(self, logs: aws_logs.LogGroup) -> None:
        statement = {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            "Resource": logs.log_group_arn,
        }
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": "vpc-flow-logs.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
        role = aws_iam.CfnRole(
            self,
            "FlowLogRole",
            assume_role_policy_document={"Version": "2012-10-17", "Statement": [trust]},
            policies=[
                aws_iam.CfnRole.PolicyProperty(
                    policy_name="deliver",
                    policy_document={"Version": "2012-10-17", "Statement": [statement]},
                )
            ],
        )
        aws_ec2.CfnFlowLog(
            self,
            "FlowLog",
            resource_type="VPC",
            resource_id=self.vpc.vpc_id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_group_name=logs.log_group_name,
            deliver_logs_permission_arn=role.attr_arn,
        )

    def _log_cdks_function_to(self, logs: aws_logs.LogGroup) -> None:
        """Give the function that closes the default security group a log group that goes.

        Lambda would make one by itself, kept for good, even after the stack.
        """
        provider = Stack.of(self).node.find_child(
            "Custom::VpcRestrictDefaultSGCustomResourceProvider"
        )
        function = cast(CfnResource, cast(Construct, provider).node.find_child("Handler"))
        function.add_property_override("LoggingConfig", {"LogGroup": logs.log_group_name})

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
