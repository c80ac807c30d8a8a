"""Attributes of MiniStack's own EC2 types that templates read, and their create-only properties."""

from collections.abc import Callable, Mapping
from typing import Any

from local.aws import internals
from local.aws.resource_types import set_create_only


def install() -> None:
    handler = internals.member(
        internals.module("services.cloudformation.provisioners"), "_RESOURCE_HANDLERS"
    )["AWS::EC2::VPC"]
    handler["create"] = _with_blocks(handler["create"], 1)
    handler["update"] = _with_blocks(handler["update"], 2)
    set_create_only(
        {
            "AWS::EC2::VPC": "CidrBlock",
            "AWS::EC2::Subnet": "AvailabilityZone CidrBlock VpcId",
            "AWS::EC2::RouteTable": "VpcId",
            "AWS::EC2::InternetGateway": "",
            "AWS::EC2::Route": "RouteTableId DestinationCidrBlock",
            "AWS::EC2::SubnetRouteTableAssociation": "SubnetId RouteTableId",
            "AWS::EC2::VPCGatewayAttachment": "VpcId",
            "AWS::EC2::SecurityGroup": "GroupName GroupDescription VpcId",
            "AWS::EC2::VPCEndpoint": "ServiceName VpcId VpcEndpointType",
            "AWS::EC2::LaunchTemplate": "LaunchTemplateName",
        }
    )


def _with_blocks(stock: Callable[..., tuple[str, dict[str, Any]]], position: int) -> Any:
    """A VPC's address block as an attribute: security groups of interface endpoints read it."""

    def call(*arguments: Any) -> tuple[str, dict[str, Any]]:
        identifier, attributes = stock(*arguments)
        properties: Mapping[str, Any] = arguments[position]
        return identifier, {
            **attributes,
            "CidrBlock": properties["CidrBlock"],
            "CidrBlockAssociations": [],
            "Ipv6CidrBlocks": [],
        }

    return call
