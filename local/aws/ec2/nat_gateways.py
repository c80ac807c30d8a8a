"""AWS::EC2::NatGateway and DescribeNatGateways: with their addresses, gone once deleted."""

from typing import Any

from local.aws import internals, responses
from local.aws.ec2.service import apply_tags, ec2, parameters, remove_tags
from local.aws.resource_types import Attributes, Properties, ResourceType, register, select, words

_PROPERTIES = words("SubnetId AllocationId ConnectivityType")


def install() -> None:
    register(
        ResourceType(
            name="AWS::EC2::NatGateway",
            properties=_PROPERTIES,
            create_only=_PROPERTIES,
            create=_create,
            update=_update,
            delete=_delete,
            read=_read,
            reads=words("SubnetId AllocationId"),
        )
    )
    for name, make in (
        ("CreateNatGateway", _checked),
        ("DeleteNatGateway", _releasing),
        ("DescribeNatGateways", _with_addresses),
    ):
        actions = internals.member(ec2(), "_ACTION_MAP")
        actions[name] = make(actions[name])


def _create(_logical_id: str, properties: Properties, _stack: str) -> tuple[str, Attributes]:
    answer = ec2()._ACTION_MAP["CreateNatGateway"](parameters(select(properties, _PROPERTIES)))
    gateway = responses.element(answer, "natGatewayId")
    apply_tags(gateway, properties)
    return gateway, {"NatGatewayId": gateway}


def _update(gateway: str, old: Properties, new: Properties) -> Attributes:
    apply_tags(gateway, new, old)
    return {"NatGatewayId": gateway}


def _delete(gateway: str, _properties: Properties) -> None:
    if gateway in ec2()._nat_gateways:
        responses.body(ec2()._ACTION_MAP["DeleteNatGateway"](parameters({"NatGatewayId": gateway})))


def _read(gateway: str, _properties: Properties) -> Properties | None:
    record = ec2()._nat_gateways.get(gateway)
    return select(record, words("SubnetId AllocationId")) if record else None


def _checked(stock: Any) -> Any:
    """CreateNatGateway that refuses a missing subnet or address and one already in use."""

    def create(request: Any) -> Any:
        subnet, allocation = (ec2()._p(request, name) for name in ("SubnetId", "AllocationId"))
        if subnet not in ec2()._subnets:
            return ec2()._error(
                "InvalidSubnetID.NotFound", f"The subnet ID '{subnet}' does not exist", 400
            )
        public = ec2()._p(request, "ConnectivityType") != "private"
        address = ec2()._addresses.get(allocation) if allocation else None
        if public and address is None:
            return ec2()._error(
                "InvalidAllocationID.NotFound",
                f"The allocation ID '{allocation}' does not exist",
                400,
            )
        if address and address["AssociationId"]:
            return ec2()._error(
                "Resource.AlreadyAssociated", f"{allocation} is already associated", 400
            )
        answer = stock(request)
        if address:
            gateway = responses.element(answer, "natGatewayId")
            address["AssociationId"] = f"eipassoc-{gateway.removeprefix('nat-')}"
        return answer

    return create


def _releasing(stock: Any) -> Any:
    """DeleteNatGateway that frees the gateway's address and forgets the gateway."""

    def delete(request: Any) -> Any:
        answer = stock(request)
        gateway = ec2()._p(request, "NatGatewayId")
        record = ec2()._nat_gateways.pop(gateway, None)
        remove_tags(gateway)
        address = ec2()._addresses.get(record["AllocationId"]) if record else None
        if address:
            address["AssociationId"] = None
        return answer

    return delete


def _with_addresses(stock: Any) -> Any:
    """DescribeNatGateways that shows each gateway's address, which MiniStack leaves empty."""

    def describe(request: Any) -> Any:
        status, headers, content = stock(request)
        text = content.decode() if isinstance(content, bytes) else content
        for gateway in ec2()._nat_gateways.values():
            address = ec2()._addresses.get(gateway["AllocationId"])
            if address is None:
                continue
            start = text.find(f"<natGatewayId>{gateway['NatGatewayId']}<")
            empty = text.find("<natGatewayAddressSet/>", start)
            if start < 0 or empty < 0:
                continue
            filled = (
                "<natGatewayAddressSet><item>"
                f"<allocationId>{address['AllocationId']}</allocationId>"
                f"<associationId>{address['AssociationId']}</associationId>"
                f"<publicIp>{address['PublicIp']}</publicIp>"
                "<isPrimary>true</isPrimary><status>succeeded</status>"
                "</item></natGatewayAddressSet>"
            )
            text = text[:empty] + filled + text[empty + len("<natGatewayAddressSet/>") :]
        return status, headers, text.encode()

    return describe
