"""AWS::EKS::Cluster, over the API calls of `clusters`."""

from collections.abc import Mapping
from typing import Any

from local.aws.eks.cluster_settings import LOG_TYPES
from local.aws.eks.clusters import Clusters
from local.aws.eks.service import Record, change_tags, cluster, eks
from local.aws.resource_types import (
    Attributes,
    NotEmulatedError,
    Properties,
    ResourceType,
    boolean,
    camel,
    physical_name,
    register,
    tag_map,
    words,
)

_NAME = "AWS::EKS::Cluster"
_PROPERTIES = words(
    "AccessConfig BootstrapSelfManagedAddons ComputeConfig DeletionProtection EncryptionConfig "
    "KubernetesNetworkConfig Logging Name ResourcesVpcConfig RoleArn StorageConfig UpgradePolicy "
    "Version ZonalShiftConfig"
)
_CREATE_ONLY = words(
    "AccessConfig.BootstrapClusterCreatorAdminPermissions BootstrapSelfManagedAddons "
    "ComputeConfig EncryptionConfig KubernetesNetworkConfig Name RoleArn StorageConfig"
)


def install(clusters: Clusters) -> None:
    def create(logical_id: str, properties: Properties, stack: str) -> tuple[str, Attributes]:
        name = properties.get("Name") or physical_name(stack, logical_id, 100)
        body = _config(properties)
        body |= {
            "name": name,
            "roleArn": properties["RoleArn"],
            "tags": tag_map(properties.get("Tags")),
            "encryptionConfig": camel(properties.get("EncryptionConfig", [])),
            "kubernetesNetworkConfig": _switches(properties.get("KubernetesNetworkConfig", {})),
            "computeConfig": _switches(properties.get("ComputeConfig", {})),
            "storageConfig": _switches(properties.get("StorageConfig", {})),
            "bootstrapSelfManagedAddons": boolean(
                properties.get("BootstrapSelfManagedAddons", True)
            ),
        }
        if "Version" in properties:
            body["version"] = properties["Version"]
        if body["accessConfig"].get("bootstrapClusterCreatorAdminPermissions", True):
            raise NotEmulatedError(
                f"{_NAME} AccessConfig.BootstrapClusterCreatorAdminPermissions true is not "
                "emulated, because a stack's execution role is unknown here: set it to false."
            )
        clusters.create(body, None)
        try:
            return name, _attributes(clusters.wait(name))
        except ValueError:
            cluster(name)["deletionProtection"] = False
            clusters.delete(name)
            raise

    def update(name: str, old: Properties, new: Properties) -> Attributes:
        before, after = _config(old), _config(new)
        before["accessConfig"].pop("bootstrapClusterCreatorAdminPermissions", None)
        after["accessConfig"].pop("bootstrapClusterCreatorAdminPermissions", None)
        for member, value in after.items():
            if value != before[member]:
                clusters.update_config(name, {member: value})
        if new.get("Version", old.get("Version")) != old.get("Version"):
            clusters.update_version(name, {"version": str(new["Version"])})
        record = cluster(name)
        change_tags(record["arn"], record, tag_map(old.get("Tags")), tag_map(new.get("Tags")))
        return _attributes(record)

    def delete(name: str, _properties: Properties) -> None:
        if name in eks()._clusters:
            clusters.delete(name)

    register(
        ResourceType(
            name=_NAME,
            properties=_PROPERTIES,
            create_only=_CREATE_ONLY,
            waits=True,
            create=create,
            update=update,
            delete=delete,
            read=_read,
            reads=words("Version DeletionProtection"),
        )
    )


def _config(properties: Properties) -> dict[str, Any]:
    """The members that UpdateClusterConfig can change, with EKS's defaults."""
    network = camel(properties["ResourcesVpcConfig"])
    for member in ("endpointPublicAccess", "endpointPrivateAccess"):
        if member in network:
            network[member] = boolean(network[member])
    logs = properties.get("Logging", {}).get("ClusterLogging", {}).get("EnabledTypes", [])
    enabled = [entry["Type"] for entry in logs]
    access = camel(properties.get("AccessConfig", {}))
    creator = "bootstrapClusterCreatorAdminPermissions"
    if creator in access:
        access[creator] = boolean(access[creator])
    return {
        "resourcesVpcConfig": network,
        "logging": {
            "clusterLogging": [
                {"types": enabled, "enabled": True},
                {"types": [name for name in LOG_TYPES if name not in enabled], "enabled": False},
            ]
        },
        "accessConfig": {"authenticationMode": "CONFIG_MAP", **access},
        "upgradePolicy": {"supportType": "EXTENDED", **camel(properties.get("UpgradePolicy", {}))},
        "zonalShiftConfig": {
            "enabled": boolean(properties.get("ZonalShiftConfig", {}).get("Enabled", False))
        },
        "deletionProtection": boolean(properties.get("DeletionProtection", False)),
    }


def _switches(value: Any) -> Any:
    """A structure in the API's spelling, its `enabled` members as booleans."""
    if not isinstance(value, Mapping):
        return value
    return {
        key[:1].lower() + key[1:]: boolean(item) if key == "Enabled" else _switches(item)
        for key, item in value.items()
    }


def _attributes(record: Record) -> Attributes:
    encryption = record["encryptionConfig"]
    return {
        "Id": record["name"],
        "Arn": record["arn"],
        "Endpoint": record["endpoint"],
        "CertificateAuthorityData": record["certificateAuthority"]["data"],
        "ClusterSecurityGroupId": record["resourcesVpcConfig"]["clusterSecurityGroupId"],
        "OpenIdConnectIssuerUrl": record["identity"]["oidc"]["issuer"],
        "EncryptionConfigKeyArn": encryption[0]["provider"]["keyArn"] if encryption else "",
    }


def _read(name: str, _properties: Properties) -> Properties | None:
    record = eks()._clusters.get(name)
    return record and {
        "Version": record["version"],
        "DeletionProtection": record["deletionProtection"],
    }
