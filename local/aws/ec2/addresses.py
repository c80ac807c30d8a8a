"""AWS::EC2::EIP: an Elastic IP address; Ref is the address itself."""

from typing import Any

from local.aws import responses
from local.aws.ec2.service import apply_tags, ec2, parameters
from local.aws.resource_types import Attributes, Properties, ResourceType, register, words


def install() -> None:
    register(
        ResourceType(
            name="AWS::EC2::EIP",
            properties=words("Domain"),
            create_only=words("Domain"),
            create=_create,
            update=_update,
            delete=_delete,
            read=_read,
            reads=words("Domain"),
        )
    )


def record(public_ip: str) -> dict[str, Any] | None:
    return next(
        (address for address in ec2()._addresses.values() if address["PublicIp"] == public_ip), None
    )


def _create(_logical_id: str, properties: Properties, _stack: str) -> tuple[str, Attributes]:
    answer = ec2()._allocate_address(parameters({"Domain": properties.get("Domain", "vpc")}))
    public_ip = responses.element(answer, "publicIp")
    allocation = responses.element(answer, "allocationId")
    apply_tags(allocation, properties)
    return public_ip, {"AllocationId": allocation, "PublicIp": public_ip}


def _update(public_ip: str, old: Properties, new: Properties) -> Attributes:
    address = record(public_ip)
    if address is None:
        raise responses.ServiceError(f"The address {public_ip} does not exist")
    apply_tags(address["AllocationId"], new, old)
    return {"AllocationId": address["AllocationId"], "PublicIp": public_ip}


def _delete(public_ip: str, _properties: Properties) -> None:
    address = record(public_ip)
    if address is None:
        return
    if address["AssociationId"]:
        raise responses.ServiceError(
            f"Address {address['AllocationId']} is in use (InvalidIPAddress.InUse)"
        )
    responses.body(ec2()._release_address(parameters({"AllocationId": address["AllocationId"]})))


def _read(public_ip: str, _properties: Properties) -> Properties | None:
    address = record(public_ip)
    return {"Domain": address["Domain"]} if address else None
