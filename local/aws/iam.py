"""IAM: roles keep to their boundary, policies have to exist, loopback is as private as TLS."""

from typing import Any

from local.aws import internals, responses
from local.aws.resource_types import (
    Attributes,
    Properties,
    ResourceType,
    register,
    set_create_only,
    tag_map,
    words,
)

_MANAGED = "arn:aws:iam::aws:policy/"


def install() -> None:
    service = internals.module("services.iam")
    internals.replace(service, "attach_managed_policy", _existing)
    handlers = internals.member(service, "_IAM_HANDLERS")
    for name in ("AttachRolePolicy", "AttachUserPolicy", "AttachGroupPolicy"):
        handlers[name] = _refusing(handlers[name])
    # A plain HTTP request over loopback is as private as TLS; without this, bucket policies that
    # demand TLS, as those of CDK's bootstrap do, would deny every call.
    internals.replace(
        internals.module("app"),
        "pin_request_origin",
        lambda stock: lambda address, _secure: stock(address, True),
    )
    roles = internals.member(
        internals.module("services.cloudformation.provisioners"), "_RESOURCE_HANDLERS"
    )["AWS::IAM::Role"]
    roles["create"] = _bounded(roles["create"], 1)
    roles["update"] = _bounded(roles["update"], 2)
    register(
        ResourceType(
            name="AWS::IAM::OIDCProvider",
            properties=words("ClientIdList ThumbprintList Url"),
            create_only=words("Url"),
            create=_create_provider,
            update=_update_provider,
            delete=_delete_provider,
            read=_read_provider,
            reads=words("ClientIdList"),
        )
    )
    set_create_only({"AWS::IAM::Policy": "", "AWS::KMS::Key": "", "AWS::KMS::Alias": "AliasName"})


def _bounded(stock: Any, position: int) -> Any:
    """Give a role the boundary that its template names; MiniStack does so for users only."""

    def call(*arguments: Any) -> Any:
        service = internals.module("services.iam")
        boundary = arguments[position].get("PermissionsBoundary")
        if boundary and (refused := service._boundary_policy_error(boundary)):
            responses.body(refused)
        made = stock(*arguments)
        service._roles[made[0]]["PermissionsBoundary"] = boundary
        return made

    return call


def _existing(stock: Any) -> Any:
    """Attach a managed policy only when it exists; MiniStack attaches any name."""

    def attach(entity: dict[str, Any], arn: str) -> None:
        service = internals.module("services.iam")
        store = service._aws_managed_policies if arn.startswith(_MANAGED) else service._policies
        if arn not in store:
            raise responses.ServiceError(
                f"Policy {arn} does not exist or is not attachable. (NoSuchEntity)"
            )
        stock(entity, arn)

    return attach


def _refusing(stock: Any) -> Any:
    """An API call whose refusal is an answer."""

    def call(request: Any) -> Any:
        try:
            return stock(request)
        except responses.ServiceError as error:
            message = str(error).removesuffix(" (NoSuchEntity)")
            return internals.module("services.iam")._error(404, "NoSuchEntity", message)

    return call


def _create_provider(
    _logical_id: str, properties: Properties, _stack: str
) -> tuple[str, Attributes]:
    service = internals.module("services.iam")
    request = {
        "Url": [properties["Url"]],
        **_members("ClientIDList", properties, "ClientIdList"),
        **_members("ThumbprintList", properties, "ThumbprintList"),
    }
    for number, (key, value) in enumerate(tag_map(properties.get("Tags")).items(), start=1):
        request[f"Tags.member.{number}.Key"] = [key]
        request[f"Tags.member.{number}.Value"] = [value]
    arn = responses.element(service._create_oidc_provider(request), "OpenIDConnectProviderArn")
    return arn, {"Arn": arn}


def _update_provider(arn: str, _old: Properties, new: Properties) -> Attributes:
    record = internals.module("services.iam")._oidc_providers[arn]
    record["ClientIDList"] = list(new.get("ClientIdList", []))
    record["ThumbprintList"] = list(new.get("ThumbprintList", []))
    record["Tags"] = [
        {"Key": key, "Value": value} for key, value in tag_map(new.get("Tags")).items()
    ]
    return {"Arn": arn}


def _delete_provider(arn: str, _properties: Properties) -> None:
    service = internals.module("services.iam")
    if arn in service._oidc_providers:
        responses.body(service._delete_oidc_provider({"OpenIDConnectProviderArn": [arn]}))


def _read_provider(arn: str, _properties: Properties) -> Properties | None:
    record = internals.module("services.iam")._oidc_providers.get(arn)
    return {"ClientIdList": record["ClientIDList"]} if record else None


def _members(name: str, properties: Properties, source: str) -> dict[str, list[str]]:
    return {
        f"{name}.member.{number}": [value]
        for number, value in enumerate(properties.get(source, []), start=1)
    }
