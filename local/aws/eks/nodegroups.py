"""EKS managed node groups: their simulated nodes stand before the group is ACTIVE."""

import time
from collections.abc import Mapping
from typing import Any

from local.aws import internals
from local.aws.eks import disk_keys, node_access, node_instances, scaling_groups
from local.aws.eks.control_planes import ControlPlanes
from local.aws.eks.nodegroup_settings import (
    changed_taints,
    disk_gib,
    instance_types,
    new_group,
    prefix_delegation,
    require_group_version,
    scaling,
    template,
    update_config,
)
from local.aws.eks.service import (
    EksError,
    Key,
    Record,
    active_cluster,
    background,
    cluster,
    eks,
    new_update,
    refuse_unknown,
    require_subnets,
    set_tags,
)
from local.aws.resource_types import words
from local.kubernetes import nodes
from local.kubernetes.client import Client
from local.kubernetes.control_plane import ControlPlaneError

_EFFECTS = {
    "NO_SCHEDULE": "NoSchedule",
    "PREFER_NO_SCHEDULE": "PreferNoSchedule",
    "NO_EXECUTE": "NoExecute",
}
_UNHEALTHY = "Unhealthy nodes in the kubernetes cluster"


class NodeGroups:
    """The API calls on node groups; each raises EksError with EKS's code when it refuses."""

    def __init__(self, planes: ControlPlanes) -> None:
        self._planes = planes

    def create(self, cluster_name: str, body: Mapping[str, Any]) -> Record:
        owner = active_cluster(cluster_name)
        record = new_group(owner, body)
        name = record["nodegroupName"]
        eks()._nodegroups[f"{cluster_name}/{name}"] = record
        set_tags(record["nodegroupArn"], record, record["tags"])
        background.start(self._work(cluster_name, name), lambda: self._stand(owner, record))
        return record

    def wait(self, cluster_name: str, name: str) -> Record:
        """The node group once its nodes stand; raises when they don't."""
        background.wait(self._work(cluster_name, name))
        return self.find(cluster_name, name)

    def find(self, cluster_name: str, name: str) -> Record:
        cluster(cluster_name)
        record: Record | None = eks()._nodegroups.get(f"{cluster_name}/{name}")
        if record is None:
            raise EksError("ResourceNotFoundException", f"No node group found for name: {name}.")
        return record

    def update_config(self, cluster_name: str, name: str, body: Mapping[str, Any]) -> Record:
        refuse_unknown(
            "UpdateNodegroupConfig",
            body,
            words("labels nodeRepairConfig scalingConfig taints updateConfig"),
        )
        record = self.find(cluster_name, name)
        changed = dict(record)
        if "scalingConfig" in body:
            changed["scalingConfig"] = scaling({**record["scalingConfig"], **body["scalingConfig"]})
        if "updateConfig" in body:
            changed["updateConfig"] = update_config(body["updateConfig"])
        if "nodeRepairConfig" in body:
            changed["nodeRepairConfig"] = dict(body["nodeRepairConfig"])
        labels = body.get("labels", {})
        changed["labels"] = {
            key: value
            for key, value in {**record["labels"], **labels.get("addOrUpdateLabels", {})}.items()
            if key not in labels.get("removeLabels", [])
        }
        changed["taints"] = changed_taints(record["taints"], body.get("taints", {}))
        self._change(record, changed)
        return new_update(cluster_name, "ConfigUpdate", body)

    def resize(self, cluster_name: str, name: str, size: int) -> None:
        """Begin to give the group another size within its bounds, as its Auto Scaling group."""

        def work() -> None:
            self.update_config(cluster_name, name, {"scalingConfig": {"desiredSize": size}})

        background.start(self._work(cluster_name, name), work)

    def update_version(self, cluster_name: str, name: str, body: Mapping[str, Any]) -> Record:
        refuse_unknown(
            "UpdateNodegroupVersion", body, words("force launchTemplate releaseVersion version")
        )
        record = self.find(cluster_name, name)
        changed = dict(record)
        if "version" in body:
            require_group_version(cluster(cluster_name), body["version"])
            changed["version"] = body["version"]
        if "releaseVersion" in body:
            changed["releaseVersion"] = body["releaseVersion"]
        if "launchTemplate" in body:
            changed["launchTemplate"], _ = template(body["launchTemplate"])
        changed["_prefixDelegation"] = prefix_delegation(cluster_name)
        self._change(record, changed)
        return new_update(cluster_name, "VersionUpdate", body)

    def delete(self, cluster_name: str, name: str) -> Record:
        record = self.find(cluster_name, name)
        record["status"] = "DELETING"
        plane = self._planes.find(Key.of(cluster_name))
        nodes.remove(plane, name)
        node_instances.settle(cluster(cluster_name), name, plane.client)
        scaling_groups.remove(record)
        eks()._delete_nodegroup(cluster_name, name)
        node_access.revoke(cluster(cluster_name), self._planes, record["nodeRole"])
        return record

    def _stand(self, owner: Record, record: Record) -> None:
        node_access.grant(owner, self._planes, record["nodeRole"])
        try:
            self._apply(record)
        except (ControlPlaneError, EksError, KeyError, ValueError) as error:
            failure = error if isinstance(error, EksError) else _failure(error)
            record["status"] = "CREATE_FAILED"
            record["health"]["issues"] = [
                {"code": failure.code, "message": failure.message, "resourceIds": []}
            ]
            raise failure from error
        record["status"] = "ACTIVE"

    def _change(self, record: Record, changed: Record) -> None:
        old = dict(record)
        record.update(changed)
        try:
            self._apply(record)
        except (ControlPlaneError, EksError, KeyError, ValueError) as error:
            record.clear()
            record.update(old)
            raise error if isinstance(error, EksError) else _failure(error) from error
        record["modifiedAt"] = int(time.time())

    def _apply(self, record: Record) -> None:
        key = Key.of(record["clusterName"])
        plane = self._planes.find(key)
        if record["scalingConfig"]["desiredSize"]:
            _require_networking(plane.client)
            disk_keys.require_usable(record)
        subnets = [
            nodes.Subnet(
                id=subnet["SubnetId"], zone=subnet["AvailabilityZone"], cidr=subnet["CidrBlock"]
            )
            for subnet in require_subnets(record["subnets"])
        ]
        nodes.apply(
            plane,
            nodes.NodeGroup(
                name=record["nodegroupName"],
                region=key.region,
                subnets=subnets,
                instance_types=instance_types(record),
                version=record["version"],
                desired_size=record["scalingConfig"]["desiredSize"],
                ami_type=record["amiType"],
                capacity_type=record["capacityType"],
                disk_gib=disk_gib(record),
                labels=record["labels"],
                prefix_delegation=record["_prefixDelegation"],
                taints=[
                    nodes.Taint(
                        key=taint["key"],
                        value=taint.get("value", ""),
                        effect=_EFFECTS[taint["effect"]],
                    )
                    for taint in record["taints"]
                ],
            ),
        )
        scaling_groups.apply(record)
        node_instances.settle(cluster(key.name), record["nodegroupName"], plane.client)

    @staticmethod
    def _work(cluster_name: str, name: str) -> tuple[str, ...]:
        return "nodegroup", cluster_name, name, internals.account(), internals.region()


def _require_networking(client: Client) -> None:
    """Fail at once where nodes would wait in vain for what makes them Ready."""
    for name, addon in (("aws-node", "vpc-cni"), ("kube-proxy", "kube-proxy")):
        if client.find(f"apis/apps/v1/namespaces/kube-system/daemonsets/{name}") is None:
            raise _failure(f"nodes cannot become Ready without the {addon} add-on")


def _failure(error: object) -> EksError:
    reason = str(error).removeprefix("NodeCreationFailure: ")
    words = reason if reason.startswith(_UNHEALTHY) else f"{_UNHEALTHY}: {reason}"
    return EksError("NodeCreationFailure", words)
