"""AWS::EC2::SecurityGroupIngress and -Egress: single rules of a security group."""

from typing import Any

from local.aws import internals, responses
from local.aws.ec2.service import ec2
from local.aws.resource_types import Attributes, Properties, ResourceType, register, words

_PROPERTIES = words("CidrIp CidrIpv6 Description FromPort GroupId IpProtocol ToPort")
_INGRESS = words("SourceSecurityGroupId SourceSecurityGroupOwnerId SourcePrefixListId")
_EGRESS = words("DestinationSecurityGroupId DestinationPrefixListId")


def install() -> None:
    internals.replace(ec2(), "_strip_descriptions", _without_owner)
    for direction, key, extra in (
        ("Ingress", "IpPermissions", _INGRESS),
        ("Egress", "IpPermissionsEgress", _EGRESS),
    ):
        properties = _PROPERTIES | extra
        register(
            ResourceType(
                name=f"AWS::EC2::SecurityGroup{direction}",
                properties=properties,
                tags=None,
                create_only=properties,
                create=_creator(key),
                delete=_deleter(key),
            )
        )


def _without_owner(stock: Any) -> Any:
    """Rules compared as AWS does: it fills in the account of a group that a request leaves out."""

    def compared(rule: dict[str, Any]) -> dict[str, Any]:
        plain = dict(stock(rule))
        plain["UserIdGroupPairs"] = [
            {key: value for key, value in pair.items() if key not in ("UserId", "Description")}
            for pair in plain.get("UserIdGroupPairs") or []
        ]
        return plain

    return compared


def _rule(properties: Properties) -> dict[str, Any]:
    """The rule in the shape that MiniStack's store and DescribeSecurityGroups use."""
    provisioners = internals.module("services.cloudformation.provisioners")
    return dict(provisioners._ec2_sg_permissions([properties])[0])


def _creator(key: str) -> Any:
    def create(_logical_id: str, properties: Properties, _stack: str) -> tuple[str, Attributes]:
        name = properties["GroupId"]
        group = ec2()._security_groups.get(name)
        if group is None:
            raise responses.ServiceError(
                f"The security group '{name}' does not exist (InvalidGroup.NotFound)"
            )
        rule = _rule(properties)
        if any(ec2()._rules_match(rule, other) for other in group[key]):
            raise responses.ServiceError(
                f"the specified rule of {name} already exists (InvalidPermission.Duplicate)"
            )
        identifier = ec2()._sg_rule_id(name, key == "IpPermissionsEgress", rule)
        group[key].append(rule)
        return identifier, {"Id": identifier}

    return create


def _deleter(key: str) -> Any:
    def delete(_identifier: str, properties: Properties) -> None:
        group = ec2()._security_groups.get(properties["GroupId"])
        if group is not None:
            rule = _rule(properties)
            group[key] = [other for other in group[key] if not ec2()._rules_match(rule, other)]

    return delete
