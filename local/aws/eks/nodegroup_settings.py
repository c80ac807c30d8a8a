"""What a node group may be made of and changed to: checks as EKS makes them, and its defaults."""

import json
import secrets
import time
from collections.abc import Mapping
from typing import Any

from config.instance_types import INSTANCE_TYPES
from config.node_group import AMI_ARCHITECTURES
from local.aws.ec2.service import ec2
from local.aws.eks.roles import require_role
from local.aws.eks.service import (
    EksError,
    Record,
    eks,
    invalid,
    refuse_unknown,
    require_subnets,
)
from local.aws.resource_types import words

_CREATE = words(
    "amiType capacityType diskSize instanceTypes labels launchTemplate nodeRepairConfig nodeRole "
    "nodegroupName releaseVersion scalingConfig subnets tags taints updateConfig version"
)


def new_group(owner: Record, body: Mapping[str, Any]) -> Record:
    """The record of a node group in CREATING; raises EksError for what would be refused."""
    refuse_unknown("CreateNodegroup", body, _CREATE)
    cluster_name, name = owner["name"], body["nodegroupName"]
    if f"{cluster_name}/{name}" in eks()._nodegroups:
        raise EksError(
            "ResourceInUseException",
            f"NodeGroup already exists with name {name} and cluster name {cluster_name}",
        )
    require_role(body["nodeRole"], "ec2.amazonaws.com")
    for subnet in require_subnets(body["subnets"]):
        if subnet["VpcId"] != owner["resourcesVpcConfig"]["vpcId"]:
            raise invalid(f"Subnet {subnet['SubnetId']} is not in the cluster's VPC")
    ami = body.get("amiType", "AL2023_x86_64_STANDARD")
    if ami.startswith("AL2_"):
        raise invalid(f"AMI Type {ami} is only supported for kubernetes versions 1.32 or earlier")
    if ami not in AMI_ARCHITECTURES:
        raise invalid(f"amiType {ami} is not emulated; here are {', '.join(AMI_ARCHITECTURES)}.")
    require_group_version(owner, body.get("version", owner["version"]))
    record: Record = {
        "nodegroupName": name,
        "clusterName": cluster_name,
        "nodegroupArn": eks()._nodegroup_arn(cluster_name, name),
        "version": owner["version"],
        "releaseVersion": body.get("releaseVersion", ""),
        "createdAt": int(time.time()),
        "modifiedAt": int(time.time()),
        "status": "CREATING",
        "capacityType": body.get("capacityType", "ON_DEMAND"),
        "amiType": ami,
        "scalingConfig": scaling(
            {"minSize": 1, "maxSize": 2, "desiredSize": 2, **body.get("scalingConfig", {})}
        ),
        "instanceTypes": list(body.get("instanceTypes", [])),
        "subnets": list(body["subnets"]),
        "nodeRole": body["nodeRole"],
        "diskSize": int(body.get("diskSize", 20)),
        "_prefixDelegation": prefix_delegation(cluster_name),
        "labels": dict(body.get("labels", {})),
        "taints": [dict(t) for t in body.get("taints", [])],
        "updateConfig": update_config(body.get("updateConfig") or {"maxUnavailable": 1}),
        "health": {"issues": []},
        "tags": dict(body.get("tags", {})),
        "resources": {"autoScalingGroups": [{"name": f"eks-{name}-{secrets.token_hex(4)}"}]},
    }
    if "nodeRepairConfig" in body:
        record["nodeRepairConfig"] = dict(body["nodeRepairConfig"])
    if "launchTemplate" in body:
        record["launchTemplate"], data = template(body["launchTemplate"])
        if "diskSize" in body:
            raise invalid("Disk size must be specified within the launch template.")
        if record["instanceTypes"] and "InstanceType" in data:
            raise invalid(
                "Instance type must be specified in the launch template or in the "
                "node group, not in both."
            )
    elif not record["instanceTypes"]:
        record["instanceTypes"] = ["t3.medium"]
    for name in instance_types(record):
        boots = AMI_ARCHITECTURES[ami]
        if name in INSTANCE_TYPES and INSTANCE_TYPES[name].architecture != boots:
            raise invalid(f"[{name}] is not a valid instance type for requested amiType {ami}")
    return record


def update_config(value: Mapping[str, Any]) -> Record:
    refuse_unknown("updateConfig", value, words("maxUnavailable maxUnavailablePercentage"))
    if len(value) != 1:
        raise invalid("Give either maxUnavailable or maxUnavailablePercentage.")
    [(name, number)] = value.items()
    if not 1 <= int(number) <= 100:
        raise invalid(f"updateConfig {name} must be 1 to 100, not {number}")
    return {name: int(number)}


def scaling(value: Mapping[str, Any]) -> dict[str, int]:
    sizes = {key: int(size) for key, size in value.items()}
    if not sizes["minSize"] <= sizes["desiredSize"] <= sizes["maxSize"]:
        raise invalid(
            f"desired capacity {sizes['desiredSize']} must be between min size "
            f"{sizes['minSize']} and max size {sizes['maxSize']}"
        )
    return sizes


def template(wanted: Mapping[str, Any]) -> tuple[Record, Record]:
    """A launch template as a node group names it, and its data."""
    templates = ec2()._launch_templates.values()
    found = next(
        (
            item
            for item in templates
            if wanted.get("id") == item["LaunchTemplateId"]
            or wanted.get("name") == item["LaunchTemplateName"]
        ),
        None,
    )
    if found is None:
        raise invalid(f"Launch template {wanted.get('id') or wanted.get('name')} does not exist")
    number = str(wanted.get("version") or found["DefaultVersionNumber"])
    version = next(
        (item for item in found["Versions"] if str(item["VersionNumber"]) == number), None
    )
    if version is None:
        raise invalid(f"Launch template {found['LaunchTemplateId']} has no version {number}")
    named = {
        "id": found["LaunchTemplateId"],
        "name": found["LaunchTemplateName"],
        "version": number,
    }
    return named, dict(version["LaunchTemplateData"])


def instance_types(record: Record) -> list[str]:
    if record["instanceTypes"]:
        return list(record["instanceTypes"])
    _, data = template(record["launchTemplate"])
    return [data.get("InstanceType", "t3.medium")]


def disk_gib(record: Record) -> int:
    """The size of the volume that the nodes keep their containers on."""
    if "launchTemplate" not in record:
        return int(record["diskSize"])
    _, data = template(record["launchTemplate"])
    device = "/dev/xvdb" if record["amiType"].startswith("BOTTLEROCKET") else "/dev/xvda"
    sizes = {
        item["DeviceName"]: item.get("Ebs", {}).get("VolumeSize")
        for item in data.get("BlockDeviceMappings", [])
    }
    return int(sizes.get(device) or 20)


def changed_taints(taints: list[Record], change: Mapping[str, Any]) -> list[Record]:
    def key(taint: Mapping[str, Any]) -> tuple[str, str]:
        return taint["key"], taint["effect"]

    kept = {key(taint): taint for taint in taints}
    kept.update({key(taint): dict(taint) for taint in change.get("addOrUpdateTaints", [])})
    for taint in change.get("removeTaints", []):
        kept.pop(key(taint), None)
    return list(kept.values())


def prefix_delegation(cluster_name: str) -> bool:
    """Whether nodes that join now count their pods' places by prefixes.

    EKS writes the limit into the group's instances when the group is made or gets a version, so
    what is set later leaves it.
    """
    addon = eks()._addons.get(f"{cluster_name}/vpc-cni")
    values = json.loads(addon["configurationValues"] or "{}") if addon else {}
    return str(values.get("env", {}).get("ENABLE_PREFIX_DELEGATION")).lower() == "true"


def require_group_version(owner: Record, version: str) -> None:
    if version != owner["version"]:
        raise invalid(
            f"Nodegroup Kubernetes version {version} and the cluster's "
            f"{owner['version']} differ, which is not emulated."
        )
