"""AWS::EKS::Nodegroup, over the API calls of `nodegroups`."""

from collections.abc import Mapping
from typing import Any

from local.aws.eks.nodegroups import NodeGroups
from local.aws.eks.service import EksError, Record, change_tags, eks
from local.aws.resource_types import (
    Attributes,
    Properties,
    ResourceType,
    boolean,
    camel,
    physical_name,
    register,
    words,
)

_PROPERTIES = words(
    "AmiType CapacityType ClusterName DiskSize ForceUpdateEnabled InstanceTypes Labels "
    "LaunchTemplate NodeRepairConfig NodeRole NodegroupName ReleaseVersion ScalingConfig Subnets "
    "Taints UpdateConfig Version"
)
_CREATE_ONLY = words(
    "AmiType CapacityType ClusterName DiskSize InstanceTypes NodeRole NodegroupName Subnets "
    "LaunchTemplate.Id LaunchTemplate.Name"
)

_COMBINED = "Version and ReleaseVersion updates cannot be combined with other updates"
"""EKS's words, also where a new version of the launch template comes with another change."""


def install(groups: NodeGroups) -> None:
    def create(logical_id: str, properties: Properties, stack: str) -> tuple[str, Attributes]:
        owner = properties["ClusterName"]
        name = properties.get("NodegroupName") or physical_name(stack, logical_id, 63)
        body = _body(properties) | {"nodegroupName": name, "tags": dict(properties.get("Tags", {}))}
        groups.create(owner, body)
        try:
            return f"{owner}/{name}", _attributes(groups.wait(owner, name))
        except ValueError:
            groups.delete(owner, name)
            raise

    def update(identifier: str, old: Properties, new: Properties) -> Attributes:
        owner, name = identifier.split("/")
        before, after = _body(old), _body(new)
        config: dict[str, Any] = {
            member: after[member]
            for member in ("scalingConfig", "updateConfig", "nodeRepairConfig")
            if member in after and after[member] != before.get(member)
        }
        if before["labels"] != after["labels"]:
            config["labels"] = {
                "addOrUpdateLabels": after["labels"],
                "removeLabels": sorted(set(before["labels"]) - set(after["labels"])),
            }
        if before["taints"] != after["taints"]:
            config["taints"] = {
                "addOrUpdateTaints": after["taints"],
                "removeTaints": [t for t in before["taints"] if t not in after["taints"]],
            }
        version: dict[str, Any] = {
            member: after[member]
            for member in ("version", "releaseVersion", "launchTemplate")
            if member in after and after[member] != before.get(member)
        }
        if version and (config or old.get("Tags", {}) != new.get("Tags", {})):
            raise EksError("InvalidRequest", _COMBINED)
        if config:
            groups.update_config(owner, name, config)
        if version:
            force = boolean(new.get("ForceUpdateEnabled", False))
            groups.update_version(owner, name, version | {"force": force})
        record = groups.find(owner, name)
        change_tags(record["nodegroupArn"], record, old.get("Tags", {}), new.get("Tags", {}))
        return _attributes(record)

    def delete(identifier: str, _properties: Properties) -> None:
        if identifier in eks()._nodegroups:
            groups.delete(*identifier.split("/"))

    register(
        ResourceType(
            name="AWS::EKS::Nodegroup",
            properties=_PROPERTIES,
            create_only=_CREATE_ONLY,
            tags="map",
            waits=True,
            create=create,
            update=update,
            delete=delete,
            read=_read,
            reads=words("ScalingConfig Labels InstanceTypes AmiType"),
        )
    )


def _body(properties: Properties) -> dict[str, Any]:
    body: dict[str, Any] = {
        "nodeRole": properties["NodeRole"],
        "subnets": list(properties["Subnets"]),
        "labels": dict(properties.get("Labels", {})),
        "taints": camel(properties.get("Taints", [])),
    }
    for name in (
        "AmiType",
        "CapacityType",
        "DiskSize",
        "InstanceTypes",
        "Version",
        "ReleaseVersion",
    ):
        if name in properties:
            body[name[:1].lower() + name[1:]] = properties[name]
    for name in ("ScalingConfig", "UpdateConfig"):
        if name in properties:
            body[name[:1].lower() + name[1:]] = _numbers(camel(properties[name]))
    if "LaunchTemplate" in properties:
        body["launchTemplate"] = camel(properties["LaunchTemplate"])
    if "NodeRepairConfig" in properties:
        body["nodeRepairConfig"] = {"enabled": boolean(properties["NodeRepairConfig"]["Enabled"])}
    return body


def _numbers(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: int(value) if str(value).isdigit() else value for key, value in values.items()}


def _attributes(record: Record) -> Attributes:
    return {
        "Id": f"{record['clusterName']}/{record['nodegroupName']}",
        "Arn": record["nodegroupArn"],
        "ClusterName": record["clusterName"],
        "NodegroupName": record["nodegroupName"],
    }


def _read(identifier: str, _properties: Properties) -> Properties | None:
    record = eks()._nodegroups.get(identifier)
    return record and {
        "ScalingConfig": {
            key[:1].upper() + key[1:]: value for key, value in record["scalingConfig"].items()
        },
        "Labels": record["labels"],
        "InstanceTypes": record["instanceTypes"],
        "AmiType": record["amiType"],
    }
