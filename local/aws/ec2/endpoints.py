"""AWS::EC2::VPCEndpoint and DescribeVpcEndpoints: what is kept of an endpoint is also shown."""

import json
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from config.network import INTERFACE_ENDPOINTS
from local.aws import internals
from local.aws.ec2.service import ec2
from local.aws.resource_types import boolean, restrict
from local.aws.responses import ServiceError

_NAME = "AWS::EC2::VPCEndpoint"


def install() -> None:
    restrict(
        _NAME,
        "PolicyDocument PrivateDnsEnabled RouteTableIds SecurityGroupIds ServiceName "
        "SubnetIds VpcEndpointType VpcId Tags",
    )
    internals.replace(ec2(), "_vpce_fields_xml", _shown)
    provisioners = internals.module("services.cloudformation.provisioners")
    handler = internals.member(provisioners, "_RESOURCE_HANDLERS")[_NAME]
    handler["create"] = _created(handler["create"])
    handler["update"] = _updated(handler["update"])


def _created(stock: Any) -> Any:
    def create(logical_id: str, properties: Mapping[str, Any], stack: str) -> Any:
        if properties.get("VpcEndpointType") == "Interface":
            _check(properties)
            _check_names(properties)
        return stock(logical_id, properties, stack)

    return create


def _updated(stock: Any) -> Any:
    def update(
        endpoint: str, old: Mapping[str, Any], new: Mapping[str, Any], *more: Any
    ) -> tuple[str, dict[str, Any]]:
        if new.get("VpcEndpointType") == "Interface":
            _check(new)
        answer: tuple[str, dict[str, Any]] = stock(endpoint, old, new, *more)
        # MiniStack keeps the groups that the endpoint was made with.
        groups = list(new.get("SecurityGroupIds", []))
        ec2()._vpc_endpoints[endpoint]["SecurityGroupIds"] = groups
        return answer

    return update


def _check(properties: Mapping[str, Any]) -> None:
    """Refuse an interface endpoint as EC2 does; MiniStack takes any."""
    prefix, service = f"com.amazonaws.{internals.region()}.", properties["ServiceName"]
    known = {*INTERFACE_ENDPOINTS, *internals.member(ec2(), "_VPCE_INTERFACE_SERVICES")}
    if not service.startswith(prefix) or service.removeprefix(prefix) not in known:
        raise ServiceError(
            f"The Vpc Endpoint Service '{service}' does not exist (InvalidServiceName)"
        )
    zones = []
    for identifier in properties.get("SubnetIds", []):
        subnet = ec2()._subnets.get(identifier)
        if subnet is None or subnet["VpcId"] != properties["VpcId"]:
            raise ServiceError(
                f"The subnet '{identifier}' is not in the VPC (InvalidSubnetID.NotFound)"
            )
        zones.append(subnet["AvailabilityZone"])
    if len(set(zones)) != len(zones):
        raise ServiceError(
            "Found another VPC endpoint subnet in the availability zone "
            f"of {properties['SubnetIds']} (DuplicateSubnetsInSameZone)"
        )
    for group in properties.get("SecurityGroupIds", []):
        if group not in ec2()._security_groups:
            raise ServiceError(
                f"The security group '{group}' does not exist (InvalidGroup.NotFound)"
            )


def _check_names(properties: Mapping[str, Any]) -> None:
    """Refuse private names where the VPC answers none, or another endpoint has them."""
    if not boolean(properties.get("PrivateDnsEnabled", True)):
        return
    vpc = ec2()._vpcs[properties["VpcId"]]
    if not (vpc.get("EnableDnsSupport", True) and vpc.get("EnableDnsHostnames", False)):
        raise ServiceError(
            "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames "
            f"VPC attributes set to true for {properties['VpcId']} (InvalidParameter)"
        )
    for other in ec2()._vpc_endpoints.values():
        same = other["VpcId"] == properties["VpcId"]
        if same and other["ServiceName"] == properties["ServiceName"]:
            raise ServiceError(
                "private-dns-enabled cannot be set because there is already a conflicting DNS "
                f"domain for {properties['ServiceName']} in the VPC (InvalidParameter)"
            )


def _shown(stock: Any) -> Any:
    def render(endpoint: dict[str, Any], tag: str = "item") -> str:
        policy = endpoint.get("PolicyDocument")
        document = policy if isinstance(policy, str) else json.dumps(policy)
        groups = "".join(
            f"<item><groupId>{group}</groupId></item>"
            for group in endpoint.get("SecurityGroupIds", [])
        )
        private = str(boolean(endpoint.get("PrivateDnsEnabled"))).lower()
        extra = f"<groupSet>{groups}</groupSet><privateDnsEnabled>{private}</privateDnsEnabled>"
        if policy:
            extra += f"<policyDocument>{escape(document)}</policyDocument>"
        return str(stock(endpoint, tag)).replace("<state>", f"{extra}<state>", 1)

    return render
