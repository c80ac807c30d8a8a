"""EKS clusters: CreateCluster starts a real control plane; ACTIVE means that it is ready."""

import base64
from collections.abc import Mapping
from typing import Any

from local.aws.ec2.service import ec2
from local.aws.eks.cluster_settings import (
    log_setup,
    new_cluster,
    require_version,
    update_mode,
    update_network,
)
from local.aws.eks.control_planes import ControlPlanes
from local.aws.eks.service import (
    EksError,
    Key,
    Record,
    background,
    cluster,
    eks,
    invalid,
    new_update,
    refuse_unknown,
    set_tags,
)
from local.kubernetes.control_plane import ControlPlaneError

_UPDATES = {
    "resourcesVpcConfig": "VpcConfigUpdate",
    "logging": "LoggingUpdate",
    "accessConfig": "AccessConfigUpdate",
    "upgradePolicy": "UpgradePolicyUpdate",
    "zonalShiftConfig": "ZonalShiftConfigUpdate",
    "deletionProtection": "DeletionProtectionUpdate",
}
_PLACES = ("subnetIds", "securityGroupIds")


class Clusters:
    """The API calls on clusters; each raises EksError with EKS's code when it refuses."""

    def __init__(self, planes: ControlPlanes) -> None:
        self._planes = planes

    def create(self, body: Mapping[str, Any], creator: str | None) -> Record:
        record = new_cluster(body)
        name, key = record["name"], Key.of(record["name"])
        eks()._clusters[name] = record
        set_tags(record["arn"], record, record["tags"])
        eks()._bootstrap_creator_access_entry(name, record, creator)
        background.start(
            ("cluster", name, key.account, key.region), lambda: self._start(key, record)
        )
        return record

    def wait(self, name: str) -> Record:
        """The cluster once it is ACTIVE; raises when it has FAILED."""
        key = Key.of(name)
        background.wait(("cluster", name, key.account, key.region))
        return cluster(name)

    def update_config(self, name: str, body: Mapping[str, Any]) -> Record:
        record = cluster(name)
        changes = {key: value for key, value in body.items() if key in _UPDATES}
        refuse_unknown("UpdateClusterConfig", body, _UPDATES)
        if len(changes) != 1:
            raise invalid(
                "Only one type of update can be allowed: "
                + (", ".join(sorted(changes)) or "none")
                + " was requested."
            )
        [(member, value)] = changes.items()
        kind, parameters = _UPDATES[member], {member: value}
        if member == "resourcesVpcConfig":
            before = dict(record[member])
            update_network(record, value)
            if all(before[part] == record[member][part] for part in _PLACES):
                kind = "EndpointAccessUpdate"
            parameters = value
        elif member == "logging":
            record["logging"] = {"clusterLogging": log_setup(value)}
        elif member == "accessConfig":
            update_mode(record, value)
        else:
            record[member] = value
        return new_update(name, kind, parameters)

    def update_version(self, name: str, body: Mapping[str, Any]) -> Record:
        refuse_unknown("UpdateClusterVersion", body, ["version"])
        current = cluster(name)["version"]
        if body["version"] == current:
            raise invalid(f"Cluster is already at the desired version: {current}")
        require_version(body["version"])
        return new_update(name, "VersionUpdate", {"version": body["version"]})

    def delete(self, name: str) -> Record:
        record = cluster(name)
        if any(key.startswith(f"{name}/") for key in eks()._nodegroups):
            raise EksError("ResourceInUseException", "Cluster has nodegroups attached")
        if record["status"] == "CREATING":
            raise EksError("ResourceInUseException", f"Cluster {name} is being created")
        if record["deletionProtection"]:
            raise EksError(
                "InvalidRequestException", f"Cluster {name} has deletion protection enabled"
            )
        record["status"] = "DELETING"
        self._planes.stop(Key.of(name))
        for key in [key for key in eks()._addons if key.startswith(f"{name}/")]:
            eks()._addons.pop(key)
        group = record["resourcesVpcConfig"]["clusterSecurityGroupId"]
        eks()._delete_cluster(name)
        ec2()._security_groups.pop(group, None)
        return record

    def _start(self, key: Key, record: Record) -> None:
        try:
            plane = self._planes.start(
                key,
                record["_auth_token"],
                issuer=record["identity"]["oidc"]["issuer"],
                service_cidr=record["kubernetesNetworkConfig"]["serviceIpv4Cidr"],
            )
            record["endpoint"] = plane.endpoint
            record["certificateAuthority"]["data"] = base64.b64encode(
                plane.certificate_authority
            ).decode()
            record["status"] = "ACTIVE"
            eks()._schedule_access_policy_reconcile(key.name)
        except (ControlPlaneError, EksError, OSError) as error:
            record["status"] = "FAILED"
            record["health"]["issues"] = [{"code": "InternalFailure", "message": str(error)}]
            raise EksError("ClusterCreationFailure", f"Cluster {key.name}: {error}") from error
