"""AWS::EKS::Addon, over the API calls of `addons`."""

from typing import Any

from local.aws.eks.addons import Addons
from local.aws.eks.service import Record, change_tags, eks
from local.aws.resource_types import (
    Attributes,
    Properties,
    ResourceType,
    boolean,
    camel,
    register,
    tag_map,
    words,
)

_CHANGING = ("AddonVersion", "ConfigurationValues", "ServiceAccountRoleArn")
_PROPERTIES = words(
    "AddonName ClusterName PodIdentityAssociations PreserveOnDelete ResolveConflicts"
) | set(_CHANGING)


def install(addons: Addons) -> None:
    def create(_logical_id: str, properties: Properties, _stack: str) -> tuple[str, Attributes]:
        owner, name = properties["ClusterName"], properties["AddonName"]
        addons.create(
            owner, _body(properties) | {"addonName": name, "tags": tag_map(properties.get("Tags"))}
        )
        try:
            return f"{owner}|{name}", {"Arn": addons.wait(owner, name)["addonArn"]}
        except ValueError:
            addons.delete(owner, name)
            raise

    def update(identifier: str, old: Properties, new: Properties) -> Attributes:
        owner, name = identifier.split("|")
        before, after = _body(old), _body(new)
        changed = {
            member: after.get(member, empty)
            for member, empty in (
                ("addonVersion", ""),
                ("configurationValues", ""),
                ("serviceAccountRoleArn", ""),
                ("podIdentityAssociations", []),
            )
            if after.get(member, empty) != before.get(member, empty)
        }
        if changed:
            conflicts = new.get("ResolveConflicts", "NONE")
            addons.update(owner, name, changed | {"resolveConflicts": conflicts})
        record = addons.find(owner, name)
        change_tags(record["addonArn"], record, tag_map(old.get("Tags")), tag_map(new.get("Tags")))
        return {"Arn": record["addonArn"]}

    def delete(identifier: str, properties: Properties) -> None:
        owner, name = identifier.split("|")
        if f"{owner}/{name}" in eks()._addons:
            addons.delete(owner, name, preserve=boolean(properties.get("PreserveOnDelete")))

    register(
        ResourceType(
            name="AWS::EKS::Addon",
            properties=_PROPERTIES,
            waits=True,
            create_only=words("AddonName ClusterName"),
            create=create,
            update=update,
            delete=delete,
            read=_read,
            reads=frozenset(_CHANGING),
        )
    )


def _body(properties: Properties) -> dict[str, Any]:
    body = {
        name[:1].lower() + name[1:]: properties[name] for name in _CHANGING if name in properties
    }
    if "ResolveConflicts" in properties:
        body["resolveConflicts"] = properties["ResolveConflicts"]
    if "PodIdentityAssociations" in properties:
        body["podIdentityAssociations"] = camel(properties["PodIdentityAssociations"])
    return body


def _read(identifier: str, _properties: Properties) -> Properties | None:
    record: Record | None = eks()._addons.get(identifier.replace("|", "/"))
    return record and {
        "AddonVersion": record["addonVersion"],
        "ConfigurationValues": record["configurationValues"],
        "ServiceAccountRoleArn": record["serviceAccountRoleArn"],
    }
