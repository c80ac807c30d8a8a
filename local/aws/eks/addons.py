"""EKS add-ons: their pods run in the cluster, their service accounts have their roles."""

import json
import time
from collections.abc import Mapping
from typing import Any

import yaml

from local.aws import internals, responses
from local.aws.eks.control_planes import ControlPlanes
from local.aws.eks.roles import require_pod_role
from local.aws.eks.service import (
    EksError,
    Key,
    Record,
    active_cluster,
    background,
    cluster,
    eks,
    invalid,
    new_update,
    refuse_unknown,
    set_tags,
)
from local.aws.resource_types import words
from local.kubernetes import addons as workloads
from local.kubernetes.addon_table import ADDONS
from local.kubernetes.control_plane import ControlPlaneError

_MEMBERS = words(
    "addonVersion configurationValues podIdentityAssociations resolveConflicts "
    "serviceAccountRoleArn"
)
_NAMESPACE = "kube-system"


class Addons:
    """The API calls on add-ons; each raises EksError with EKS's code when it refuses."""

    def __init__(self, planes: ControlPlanes) -> None:
        self._planes = planes

    def create(self, cluster_name: str, body: Mapping[str, Any]) -> Record:
        active_cluster(cluster_name)
        refuse_unknown("CreateAddon", body, [*_MEMBERS, "addonName", "tags"])
        name = body["addonName"]
        if f"{cluster_name}/{name}" in eks()._addons:
            raise EksError("ResourceInUseException", "Addon already exists.")
        if name not in ADDONS:
            raise invalid(
                f"Addon {name} specified is not supported; "
                f"known here are {', '.join(sorted(ADDONS))}."
            )
        _check(body)
        record: Record = {
            "addonName": name,
            "clusterName": cluster_name,
            "status": "CREATING",
            "addonArn": eks()._addon_arn(cluster_name, name),
            "owner": "aws",
            "publisher": "eks",
            "addonVersion": body.get("addonVersion", ""),
            "health": {"issues": []},
            "serviceAccountRoleArn": body.get("serviceAccountRoleArn", ""),
            "configurationValues": body.get("configurationValues", ""),
            "podIdentityAssociations": [],
            "createdAt": int(time.time()),
            "modifiedAt": int(time.time()),
            "tags": dict(body.get("tags", {})),
        }
        eks()._addons[f"{cluster_name}/{name}"] = record
        set_tags(record["addonArn"], record, record["tags"])
        _associate(record, body.get("podIdentityAssociations", []))
        background.start(self._work(cluster_name, name), lambda: self._run(record))
        return record

    def wait(self, cluster_name: str, name: str) -> Record:
        """The add-on once its pods stand; raises when they don't."""
        background.wait(self._work(cluster_name, name))
        return self.find(cluster_name, name)

    def find(self, cluster_name: str, name: str) -> Record:
        cluster(cluster_name)
        record: Record | None = eks()._addons.get(f"{cluster_name}/{name}")
        if record is None:
            raise EksError(
                "ResourceNotFoundException", f"No addon: {name} found in cluster: {cluster_name}"
            )
        return record

    def update(self, cluster_name: str, name: str, body: Mapping[str, Any]) -> Record:
        refuse_unknown("UpdateAddon", body, _MEMBERS)
        record = self.find(cluster_name, name)
        _check(body)
        old = dict(record)
        record.update(
            {
                member: body[member]
                for member in ("addonVersion", "serviceAccountRoleArn", "configurationValues")
                if member in body
            }
        )
        try:
            self._apply(record)
        except (workloads.AddonError, ControlPlaneError) as error:
            record.update(old)
            raise _failure(error) from error
        if "podIdentityAssociations" in body:
            _associate(record, body["podIdentityAssociations"])
        record["modifiedAt"] = int(time.time())
        return new_update(cluster_name, "AddonUpdate", body)

    def delete(self, cluster_name: str, name: str, *, preserve: bool = False) -> Record:
        record = self.find(cluster_name, name)
        record["status"] = "DELETING"
        _associate(record, [])
        if not preserve:
            workloads.remove(self._planes.find(Key.of(cluster_name)), name)
        eks()._delete_addon(cluster_name, name)
        return record

    def _run(self, record: Record) -> None:
        try:
            self._apply(record)
        except (workloads.AddonError, ControlPlaneError) as error:
            record["status"] = "CREATE_FAILED"
            failure = _failure(error)
            record["health"]["issues"] = [
                {"code": failure.code, "message": failure.message, "resourceIds": []}
            ]
            raise failure from error
        record["status"] = "ACTIVE"

    def _apply(self, record: Record) -> None:
        key = Key.of(record["clusterName"])
        workloads.apply(
            self._planes.find(key),
            record["addonName"],
            region=key.region,
            account=key.account,
            configuration=_values(record["configurationValues"]),
        )

    @staticmethod
    def _work(cluster_name: str, name: str) -> tuple[str, ...]:
        return "addon", cluster_name, name, internals.account(), internals.region()


def _failure(error: workloads.AddonError | ControlPlaneError) -> EksError:
    if isinstance(error, workloads.AddonError):
        return EksError(error.code, str(error).removeprefix(f"{error.code}: "))
    return EksError("AddonCreationFailure", str(error))


def _check(body: Mapping[str, Any]) -> None:
    if body.get("resolveConflicts", "NONE") not in ("NONE", "OVERWRITE", "PRESERVE"):
        raise invalid(f"Unknown resolveConflicts {body['resolveConflicts']}")
    _values(body.get("configurationValues", ""))
    role = body.get("serviceAccountRoleArn")
    known = {role["Arn"] for role in internals.module("services.iam")._roles.values()}
    if role and role not in known:
        raise invalid(f"Role {role} of the add-on does not exist")
    for item in body.get("podIdentityAssociations", []):
        require_pod_role(item["roleArn"])


def _values(text: str) -> Mapping[str, Any]:
    """An add-on's configuration, which may be JSON or YAML."""
    try:
        values = json.loads(text or "{}") if text.lstrip().startswith("{") else yaml.safe_load(text)
    except (json.JSONDecodeError, yaml.YAMLError) as error:
        raise invalid(
            f"ConfigurationValue provided in request is not supported: {error}"
        ) from error
    if values is not None and not isinstance(values, dict):
        raise invalid(f"ConfigurationValue provided in request is not supported: {text}")
    return values or {}


def _associate(record: Record, wanted: list[Mapping[str, Any]]) -> None:
    """Make the add-on own exactly these Pod Identity associations."""
    name = record["clusterName"]
    for arn in record["podIdentityAssociations"]:
        eks()._delete_pod_identity_association(name, arn.rsplit("/", 1)[-1])
    record["podIdentityAssociations"] = []
    for item in wanted:
        made = responses.document(
            eks()._create_pod_identity_association(
                name,
                {
                    "namespace": _NAMESPACE,
                    "serviceAccount": item["serviceAccount"],
                    "roleArn": item["roleArn"],
                },
            )
        )["association"]
        key = eks()._pia_key(name, made["associationId"])
        eks()._pod_identity_associations[key]["ownerArn"] = record["addonArn"]
        record["podIdentityAssociations"].append(made["associationArn"])
