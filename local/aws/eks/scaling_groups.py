"""The Auto Scaling groups that EKS makes for node groups, tagged for the Cluster Autoscaler."""

import time
from collections.abc import Callable
from typing import Any

from local.aws import internals
from local.aws.eks.service import Record, eks, require_subnets

Resize = Callable[[str, str, int], None]
"""Gives a node group of a cluster another size, in its own time."""


def install(resize: Resize) -> None:
    """Let SetDesiredCapacity move the nodes of a group's Auto Scaling group."""
    actions = internals.member(internals.module("services.autoscaling"), "_ACTION_MAP")
    actions["SetDesiredCapacity"] = _moving(actions["SetDesiredCapacity"], resize)
    internals.replace(internals.module("services.tagging"), "resource_tags", _with_groups)


def _with_groups(stock: Any) -> Any:
    """The tags that policies judge by, those of Auto Scaling groups too."""

    def tags(arn: str) -> Any:
        if ":autoScalingGroupName/" not in arn:
            return stock(arn)
        found = internals.module("services.autoscaling")._tags.get(arn.rsplit("/", 1)[-1], [])
        return {tag["Key"]: tag["Value"] for tag in found}

    return tags


def _moving(stock: Any, resize: Resize) -> Any:
    def call(request: Any) -> Any:
        service = internals.module("services.autoscaling")
        name = service._p(request, "AutoScalingGroupName")
        groups = [group for group in eks()._nodegroups.values() if _name(group) == name]
        if not groups:
            return stock(request)
        [group], size = groups, int(service._p(request, "DesiredCapacity"))
        least, most = (group["scalingConfig"][bound] for bound in ("minSize", "maxSize"))
        if not least <= size <= most:
            bound, limit = ("below min", least) if size < least else ("above max", most)
            return service._error(
                "ValidationError",
                f"New SetDesiredCapacity value {size} is {bound} value {limit} for the "
                "AutoScalingGroup.",
            )
        service._asgs[name]["DesiredCapacity"] = size
        resize(group["clusterName"], group["nodegroupName"], size)
        return service._xml(200, "SetDesiredCapacityResponse", "")

    return call


def apply(group: Record) -> None:
    """Make the group's Auto Scaling group show its sizes, subnets and tags."""
    service = internals.module("services.autoscaling")
    name, sizes = _name(group), group["scalingConfig"]
    zones = {subnet["AvailabilityZone"] for subnet in require_subnets(group["subnets"])}
    record = service._asgs.get(name) or {
        "AutoScalingGroupName": name,
        "AutoScalingGroupARN": service._asg_arn(name),
        "CreatedTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "LaunchConfigurationName": "",
        "LaunchTemplate": {},
        "DefaultCooldown": 300,
        "HealthCheckType": "EC2",
        "HealthCheckGracePeriod": 15,
        "TerminationPolicies": ["AllocationStrategy", "OldestLaunchTemplate", "OldestInstance"],
        "NewInstancesProtectedFromScaleIn": False,
        "Instances": [],
        "Status": "",
    }
    service._asgs[name] = record | {
        "MinSize": sizes["minSize"],
        "MaxSize": sizes["maxSize"],
        "DesiredCapacity": sizes["desiredSize"],
        "AvailabilityZones": sorted(zones),
        "VPCZoneIdentifier": ",".join(group["subnets"]),
        "Tags": _tags(group),
    }
    service._tags[name] = service._asgs[name]["Tags"]


def remove(group: Record) -> None:
    service = internals.module("services.autoscaling")
    service._asgs.pop(_name(group), None)
    service._tags.pop(_name(group), None)


def _name(group: Record) -> str:
    return str(group["resources"]["autoScalingGroups"][0]["name"])


def _tags(group: Record) -> list[Record]:
    """The tags that EKS sets: the group's own tags don't go along."""
    cluster = group["clusterName"]
    tags = {
        "eks:cluster-name": cluster,
        "eks:nodegroup-name": group["nodegroupName"],
        "k8s.io/cluster-autoscaler/enabled": "true",
        f"k8s.io/cluster-autoscaler/{cluster}": "owned",
        f"kubernetes.io/cluster/{cluster}": "owned",
    }
    return [
        {
            "Key": key,
            "Value": value,
            "ResourceId": _name(group),
            "ResourceType": "auto-scaling-group",
            "PropagateAtLaunch": True,
        }
        for key, value in tags.items()
    ]
