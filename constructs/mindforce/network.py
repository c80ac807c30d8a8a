"""A VPC for a cluster."""

from collections.abc import Sequence
from typing import cast

from aws_cdk import CfnResource, Stack, aws_ec2, aws_iam, aws_logs
from constructs import Construct

from mindforce.log_group import LogGroup
from mindforce.policy import document
from mindforce.subnets import Subnets


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
        vpc = aws_ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=aws_ec2.IpAddresses.cidr(cidr),
            availability_zones=list(availability_zones),
            restrict_default_security_group=True,
            # Those of CDK have a route table each, public ones too.
            subnet_configuration=[],
        )
        subnets = Subnets(
            vpc,
            cidr=cidr,
            availability_zones=availability_zones,
            nat_gateways=nat_gateways,
            private_mask=private_mask,
        )
        self.vpc_id = vpc.vpc_id
        self.private_subnet_ids = subnets.private
        self.load_balancer_subnets = subnets.public
        """The CIDR of each public subnet by its id; every load balancer uses them, internal ones
        too."""
        aws_ec2.CfnVPCEndpoint(
            Construct(vpc, "S3"),
            "Resource",
            service_name=f"com.amazonaws.{region}.s3",
            vpc_endpoint_type="Gateway",
            vpc_id=self.vpc_id,
            route_table_ids=subnets.route_tables,
        )
        self.vpc = aws_ec2.Vpc.from_vpc_attributes(
            self,
            "Reference",
            vpc_id=self.vpc_id,
            availability_zones=list(availability_zones),
            private_subnet_ids=subnets.private,
            private_subnet_route_table_ids=subnets.route_tables[1:],
        )
        logs = LogGroup(self, "FlowLogs", retention_days=flow_log_retention_days)
        self._log_flows(logs)
        self._log_cdks_function_to(logs)
        if interface_endpoints:
            self._serve_inside(interface_endpoints, cidr, region)

    def _log_flows(self, logs: aws_logs.LogGroup) -> None:
        statement = {
            "Action": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            "Resource": logs.log_group_arn,
        }
        stack = Stack.of(self)
        logs_here = f"arn:aws:ec2:{stack.region}:{stack.account}:vpc-flow-log/*"
        # Without conditions the service could be asked to use this role from another account.
        trust = {
            "Principal": {"Service": "vpc-flow-logs.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {
                "StringEquals": {"aws:SourceAccount": stack.account},
                "ArnLike": {"aws:SourceArn": logs_here},
            },
        }
        role = aws_iam.CfnRole(
            self,
            "FlowLogRole",
            assume_role_policy_document=document(trust),
            policies=[
                aws_iam.CfnRole.PolicyProperty(
                    policy_name="deliver", policy_document=document(statement)
                )
            ],
        )
        aws_ec2.CfnFlowLog(
            self,
            "FlowLog",
            resource_type="VPC",
            resource_id=self.vpc_id,
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
        ec2, vpc = aws_ec2, self.vpc_id
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
