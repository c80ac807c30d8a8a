"""How nodes may join: EKS writes the node role's access entry and its line of aws-auth."""

import threading
from collections.abc import Mapping
from typing import Any

import yaml

from local.aws.eks.control_planes import ControlPlanes
from local.aws.eks.service import Key, Record, eks

AWS_AUTH = "api/v1/namespaces/kube-system/configmaps/aws-auth"
_GROUPS = ["system:bootstrappers", "system:nodes"]
_writing = threading.Lock()
"""Node groups are made at the same time, and each adds its line to the same ConfigMap."""
_USERNAME = "system:node:{{EC2PrivateDNSName}}"


def grant(cluster: Record, planes: ControlPlanes, role: str) -> None:
    """Let a node group's role join, in the ways the cluster's authentication mode knows."""
    mode = cluster["accessConfig"]["authenticationMode"]
    key = eks()._ae_key(cluster["name"], role)
    if mode != "CONFIG_MAP" and key not in eks()._access_entries:
        entry = eks()._build_access_entry(
            cluster["name"],
            role,
            {"type": "EC2_LINUX", "username": _USERNAME, "kubernetesGroups": ["system:nodes"]},
        )
        eks()._access_entries[key] = entry
    if mode != "API":
        with _writing:
            roles = [
                *map_roles(cluster["name"], planes),
                {"rolearn": role, "username": _USERNAME, "groups": _GROUPS},
            ]
            unique = {item["rolearn"]: item for item in roles}
            _write(cluster["name"], planes, list(unique.values()))


def revoke(cluster: Record, planes: ControlPlanes, role: str) -> None:
    """Take the role's access back when no node group of the cluster uses it any more."""
    name = cluster["name"]
    if any(
        group["nodeRole"] == role
        for key, group in eks()._nodegroups.items()
        if key.startswith(f"{name}/")
    ):
        return
    entry = eks()._access_entries.get(eks()._ae_key(name, role))
    if entry is not None and entry["type"] == "EC2_LINUX":
        eks()._delete_access_entry(name, role)
    if cluster["accessConfig"]["authenticationMode"] != "API":
        with _writing:
            left = [item for item in map_roles(name, planes) if item["rolearn"] != role]
            _write(name, planes, left)


def map_roles(
    name: str, planes: ControlPlanes, member: str = "mapRoles", key: Key | None = None
) -> list[Mapping[str, Any]]:
    """The lines of aws-auth's `mapRoles` or `mapUsers`; none when there is no such ConfigMap."""
    found = planes.find(key or Key.of(name)).client.find(AWS_AUTH)
    lines = yaml.safe_load((found or {}).get("data", {}).get(member, "")) or []
    return [line for line in lines if isinstance(line, dict)]


def _write(name: str, planes: ControlPlanes, roles: list[Mapping[str, Any]]) -> None:
    client = planes.find(Key.of(name)).client
    data = {"mapRoles": yaml.safe_dump(roles, sort_keys=False)}
    if client.find(AWS_AUTH) is None:
        client.request(
            "POST",
            AWS_AUTH.rsplit("/", 1)[0],
            body={
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "aws-auth", "namespace": "kube-system"},
                "data": data,
            },
        )
    else:
        # A merge keeps what others have written beside mapRoles.
        client.request(
            "PATCH", AWS_AUTH, body={"data": data}, content_type="application/merge-patch+json"
        )
