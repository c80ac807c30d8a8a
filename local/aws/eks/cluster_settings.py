"""What a cluster may be made of and changed to: checks as EKS makes them, and EKS's defaults."""

import re
import secrets
import time
from collections.abc import Mapping
from typing import Any

from local.aws import internals, responses
from local.aws.ec2.service import ec2
from local.aws.eks.roles import require_role
from local.aws.eks.service import (
    KUBERNETES_VERSION,
    EksError,
    Record,
    eks,
    invalid,
    refuse_unknown,
    require_subnets,
)
from local.aws.resource_types import words

LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")
MODES = ("CONFIG_MAP", "API_AND_CONFIG_MAP", "API")
"""Authentication modes; a cluster can only move to the next one, never back."""

_CREATE = words(
    "accessConfig bootstrapSelfManagedAddons computeConfig deletionProtection encryptionConfig "
    "kubernetesNetworkConfig logging name resourcesVpcConfig roleArn storageConfig tags "
    "upgradePolicy version zonalShiftConfig"
)
_NETWORK = words(
    "subnetIds securityGroupIds endpointPublicAccess endpointPrivateAccess publicAccessCidrs"
)


def new_cluster(body: Mapping[str, Any]) -> Record:
    """The record of a cluster in CREATING; raises EksError for what EKS or we would refuse."""
    refuse_unknown("CreateCluster", body, _CREATE)
    name = body.get("name", "")
    if not re.fullmatch(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}", name):
        raise invalid(f"The cluster name '{name}' is invalid.")
    if name in eks()._clusters:
        raise EksError("ResourceInUseException", f"Cluster already exists with name: {name}")
    if body.get("bootstrapSelfManagedAddons", True):
        raise invalid(
            "CreateCluster bootstrapSelfManagedAddons true is not emulated: "
            "set it to false and use EKS add-ons."
        )
    version = str(body.get("version", KUBERNETES_VERSION))
    require_version(version)
    require_role(body["roleArn"], "eks.amazonaws.com")
    access = {"authenticationMode": "CONFIG_MAP", **body.get("accessConfig", {})}
    if access["authenticationMode"] not in MODES:
        raise invalid(f"Unknown authentication mode {access['authenticationMode']}")
    network = _network(body["resourcesVpcConfig"])
    addresses = body.get("kubernetesNetworkConfig", {})
    refuse_unknown(
        "kubernetesNetworkConfig",
        addresses,
        ["elasticLoadBalancing", "ipFamily", "serviceIpv4Cidr"],
    )
    _refuse_auto_mode(body)
    if addresses.get("ipFamily", "ipv4") != "ipv4":
        raise invalid("kubernetesNetworkConfig ipFamily ipv6 is not emulated.")
    oidc = eks()._new_oidc_id()
    issuer = f"https://oidc.eks.{internals.region()}.amazonaws.com/id/{oidc}"
    record: Record = {
        "name": name,
        "arn": eks()._cluster_arn(name),
        "createdAt": int(time.time()),
        "version": version,
        "platformVersion": "eks.1",
        "roleArn": body["roleArn"],
        "status": "CREATING",
        "health": {"issues": []},
        "endpoint": "",
        "certificateAuthority": {"data": ""},
        "identity": {"oidc": {"issuer": issuer}},
        "resourcesVpcConfig": network,
        "kubernetesNetworkConfig": {
            "serviceIpv4Cidr": addresses.get("serviceIpv4Cidr", "172.20.0.0/16"),
            "ipFamily": "ipv4",
            "elasticLoadBalancing": {"enabled": False},
        },
        "computeConfig": {"enabled": False},
        "storageConfig": {"blockStorage": {"enabled": False}},
        "logging": {"clusterLogging": log_setup(body.get("logging", {}))},
        "encryptionConfig": _encryption(body.get("encryptionConfig", [])),
        "accessConfig": {"bootstrapClusterCreatorAdminPermissions": True, **access},
        "upgradePolicy": {"supportType": "EXTENDED", **body.get("upgradePolicy", {})},
        "zonalShiftConfig": {"enabled": False, **body.get("zonalShiftConfig", {})},
        "deletionProtection": bool(body.get("deletionProtection", False)),
        "tags": dict(body.get("tags", {})),
        "_auth_token": secrets.token_urlsafe(32),
    }
    # Last, because a refused cluster must leave nothing behind.
    network["clusterSecurityGroupId"] = _cluster_security_group(name, network["vpcId"])
    return record


def update_network(record: Record, value: Mapping[str, Any]) -> None:
    refuse_unknown("resourcesVpcConfig", value, _NETWORK)
    merged = {**record["resourcesVpcConfig"], **value}
    record["resourcesVpcConfig"].update(_network({key: merged[key] for key in _NETWORK}))


def require_version(version: str) -> None:
    if version != KUBERNETES_VERSION:
        raise invalid(
            f"unsupported Kubernetes version {version}: "
            f"the control plane built on this machine is {KUBERNETES_VERSION}; raise "
            "KUBERNETES_VERSION in local/aws/eks/service.py, and k8s.io/kubernetes in "
            "local/tools/kubernetes/go.mod with it."
        )


def _refuse_auto_mode(body: Mapping[str, Any]) -> None:
    parts = (
        body.get("computeConfig", {}),
        body.get("storageConfig", {}).get("blockStorage", {}),
        body.get("kubernetesNetworkConfig", {}).get("elasticLoadBalancing", {}),
    )
    if any(part.get("enabled") for part in parts):
        raise invalid(
            "EKS Auto Mode (computeConfig, storageConfig, elasticLoadBalancing) "
            "is not emulated: use managed node groups."
        )
    refuse_unknown("computeConfig", parts[0], ["enabled"])


def _network(value: Mapping[str, Any]) -> Record:
    refuse_unknown("resourcesVpcConfig", value, _NETWORK)
    subnets = require_subnets(value.get("subnetIds", []))
    if len({subnet["AvailabilityZone"] for subnet in subnets}) < 2:
        raise invalid("Subnets specified must be in at least two different AZs")
    for group in value.get("securityGroupIds", []):
        if group not in ec2()._security_groups:
            raise invalid(f"The security group '{group}' does not exist")
    public = bool(value.get("endpointPublicAccess", True))
    private = bool(value.get("endpointPrivateAccess", False))
    if not (public or private):
        raise invalid("Private and public endpoint access cannot be false")
    return {
        "subnetIds": list(value["subnetIds"]),
        "securityGroupIds": list(value.get("securityGroupIds", [])),
        "vpcId": subnets[0]["VpcId"],
        "endpointPublicAccess": public,
        "endpointPrivateAccess": private,
        "publicAccessCidrs": list(value.get("publicAccessCidrs") or ["0.0.0.0/0"])
        if public
        else [],
    }


def _cluster_security_group(name: str, vpc: str) -> str:
    """The group that EKS makes for a cluster's control plane and nodes, open among its members."""
    group = responses.element(
        ec2()._create_security_group(
            {
                "GroupName": [f"eks-cluster-sg-{name}-{secrets.randbelow(10**9)}"],
                "VpcId": [vpc],
                "GroupDescription": [
                    "EKS created security group applied to ENI that is attached to EKS "
                    "Control Plane master nodes, as well as any managed workloads."
                ],
            }
        ),
        "groupId",
    )
    ec2()._security_groups[group]["IpPermissions"].append(
        {
            "IpProtocol": "-1",
            "IpRanges": [],
            "Ipv6Ranges": [],
            "PrefixListIds": [],
            "UserIdGroupPairs": [{"GroupId": group, "UserId": internals.account()}],
        }
    )
    ec2()._tags[group] = [
        {"Key": f"kubernetes.io/cluster/{name}", "Value": "owned"},
        {"Key": "aws:eks:cluster-name", "Value": name},
    ]
    return group


def _encryption(value: list[Mapping[str, Any]]) -> list[Record]:
    for entry in value:
        key = entry["provider"]["keyArn"]
        if entry["resources"] != ["secrets"]:
            raise invalid(f"encryptionConfig resources must be [secrets], not {entry['resources']}")
        if internals.module("services.kms")._resolve_key(key) is None:
            raise invalid(f"The keyArn {key} does not exist")
    return [
        {"resources": ["secrets"], "provider": {"keyArn": entry["provider"]["keyArn"]}}
        for entry in value
    ]


def log_setup(value: Mapping[str, Any]) -> list[Record]:
    enabled: set[str] = set()
    for setup in value.get("clusterLogging", []):
        unknown = set(setup["types"]) - set(LOG_TYPES)
        if unknown:
            raise invalid(f"Unknown log types {sorted(unknown)}")
        enabled = (
            enabled | set(setup["types"]) if setup["enabled"] else enabled - set(setup["types"])
        )
    parts = (
        ([name for name in LOG_TYPES if name in enabled], True),
        ([name for name in LOG_TYPES if name not in enabled], False),
    )
    return [{"types": types, "enabled": on} for types, on in parts if types]


def update_mode(record: Record, value: Mapping[str, Any]) -> None:
    refuse_unknown("accessConfig", value, ["authenticationMode"])
    old, new = record["accessConfig"]["authenticationMode"], value["authenticationMode"]
    if new not in MODES or MODES.index(new) != MODES.index(old) + 1:
        raise invalid(f"Unsupported authentication mode update from {old} to {new}")
    record["accessConfig"]["authenticationMode"] = new
