"""The Auto Scaling groups that EKS makes for node groups, tagged for the Cluster Autoscaler."""

import time

from local.aws import internals
from local.aws.eks.service import Record, require_subnets


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
