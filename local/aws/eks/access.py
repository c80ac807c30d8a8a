"""Access entries and policies: what EKS allows is RBAC in the cluster before a call returns."""

import json
import logging
import threading
from collections.abc import Mapping
from typing import Any

from local.aws import internals, responses
from local.aws.eks.control_planes import ControlPlanes
from local.aws.eks.service import EksError, Key, Record, cluster, eks, invalid, refuse_unknown
from local.aws.resource_types import words
from local.kubernetes.client import ApiError, Client

POLICY_PREFIX = "arn:aws:eks::aws:cluster-access-policy/"
_RESERVED = ("system:", "eks:", "aws:", "amazon:", "iam:")
_GROUP = "apis/rbac.authorization.k8s.io/v1"
_COLLECTIONS = {
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "RoleBinding": "rolebindings",
}
_LOOK_SECONDS = 1.0

logger = logging.getLogger("local.aws.eks")


class Access:
    """The API calls on access entries, and the RBAC objects that follow from them."""

    def __init__(self, planes: ControlPlanes) -> None:
        self._planes = planes
        self._lock = threading.Lock()
        self._watched: set[Key] = set()

    def create_entry(self, cluster_name: str, body: Mapping[str, Any]) -> Record:
        _require_entries(cluster_name)
        refuse_unknown(
            "CreateAccessEntry", body, words("kubernetesGroups principalArn tags type username")
        )
        arn = body["principalArn"]
        _require_principal(arn)
        kind = body.get("type", "STANDARD")
        if kind != "STANDARD" and (body.get("kubernetesGroups") or body.get("username")):
            raise invalid(f"An access entry of type {kind} takes no groups and no user name.")
        _require_names(body)
        username = body.get("username") or _default_username(arn)
        if kind.startswith("EC2"):
            username = "system:node:{{EC2PrivateDNSName}}"
        answer = eks()._create_access_entry(cluster_name, {**body, "username": username})
        return dict(_result(answer)["accessEntry"])

    def update_entry(self, cluster_name: str, arn: str, body: Mapping[str, Any]) -> Record:
        refuse_unknown("UpdateAccessEntry", body, ["kubernetesGroups", "username"])
        _require_names(body)
        return dict(_result(eks()._update_access_entry(cluster_name, arn, body))["accessEntry"])

    def associate(self, cluster_name: str, arn: str, body: Mapping[str, Any]) -> Record:
        _require_entries(cluster_name)
        if eks()._access_policy_name(body["policyArn"]) is None:
            raise invalid(f"The policyArn {body['policyArn']} does not exist.")
        return _result(eks()._associate_access_policy(cluster_name, arn, body))

    def reconcile(
        self, cluster_name: str, account: str | None = None, region: str | None = None
    ) -> None:
        """Make the cluster's RBAC equal to its access policies; nothing before it is ACTIVE."""
        key = Key(account or internals.account(), region or internals.region(), cluster_name)
        record = eks()._clusters.get_scoped(key.account, key.region, cluster_name)
        if record is None or record["status"] != "ACTIVE":
            return
        try:
            with self._lock:
                self._apply(key, self._planes.find(key).client)
        except (ApiError, OSError) as error:
            raise EksError(
                "ServerException",
                f"Access policies of {cluster_name} are not in force: {error}",
            ) from error
        scoped = eks()._has_namespace_access_policy(cluster_name, key.account, key.region)
        if scoped and key not in self._watched:
            self._watched.add(key)
            threading.Thread(target=self._watch, args=(key,), daemon=True).start()

    def _apply(self, key: Key, client: Client) -> None:
        namespaces = client.get("api/v1/namespaces")["items"]
        wanted = eks()._access_policy_rbac_objects(
            key.name, key.account, key.region, [item["metadata"]["name"] for item in namespaces]
        )
        paths = set()
        for item in wanted:
            # EKS keeps its policies outside the cluster, so no backup has them.
            item["metadata"].setdefault("labels", {})["velero.io/exclude-from-backup"] = "true"
            path = _path(item)
            paths.add(path)
            client.request(
                "PATCH",
                path,
                body=item,
                content_type="application/apply-patch+yaml",
                query={"fieldManager": "eks-access-policies", "force": "true"},
            )
        label = f"{eks()._ACCESS_POLICY_BINDING_LABEL}=true"
        for kind in ("ClusterRoleBinding", "RoleBinding"):
            for item in client.get(f"{_GROUP}/{_COLLECTIONS[kind]}", labelSelector=label)["items"]:
                path = _path({**item, "kind": kind})
                if path not in paths:
                    client.delete(path)

    def _watch(self, key: Key) -> None:
        """Bring policies to namespaces that come later, while the cluster stands."""
        pause = threading.Event()
        seen: set[str] = set()
        while eks()._clusters.get_scoped(key.account, key.region, key.name) is not None:
            try:
                items = self._planes.find(key).client.get("api/v1/namespaces")["items"]
                names = {item["metadata"]["name"] for item in items}
                if names - seen:
                    self.reconcile(key.name, key.account, key.region)
                seen = names
            except (ApiError, EksError, OSError) as error:
                logger.warning("access policies of %s: %s", key.name, error)
            pause.wait(_LOOK_SECONDS)
        self._watched.discard(key)


def _require_names(body: Mapping[str, Any]) -> None:
    username = body.get("username", "")
    for name in (*body.get("kubernetesGroups", []), username):
        if name.startswith(_RESERVED):
            raise invalid(f"The name {name} cannot start with {name.split(':')[0]}:")
    before, found, _ = username.partition("{{SessionName}}")
    if found and ":" not in before:
        raise invalid(f"The username {username} must have a colon before {{{{SessionName}}}}.")


def _require_entries(name: str) -> None:
    if cluster(name)["accessConfig"]["authenticationMode"] == "CONFIG_MAP":
        raise EksError(
            "InvalidRequestException",
            "The cluster's authentication mode must be set to "
            "one of [API, API_AND_CONFIG_MAP] to perform this operation.",
        )


def _require_principal(arn: str) -> None:
    """EKS refuses roles and users of its account that do not exist; others it cannot look up."""
    iam = internals.module("services.iam")
    own = arn.split(":")[4] == internals.account()
    names = {item["Arn"] for store in (iam._roles, iam._users) for item in store.values()}
    if own and not arn.endswith(":root") and arn not in names:
        raise invalid("The specified principalArn is invalid: invalid principal.")


def _default_username(arn: str) -> str:
    if ":role/" not in arn:
        return arn
    account, name = arn.split(":")[4], arn.rsplit("/", 1)[-1]
    return f"arn:aws:sts::{account}:assumed-role/{name}/{{{{SessionName}}}}"


def _path(item: Mapping[str, Any]) -> str:
    metadata = item["metadata"]
    place = f"namespaces/{metadata['namespace']}/" if item["kind"] == "RoleBinding" else ""
    return f"{_GROUP}/{place}{_COLLECTIONS[item['kind']]}/{metadata['name']}"


def _result(answer: responses.Response) -> dict[str, Any]:
    """A stock answer's content; its refusal as an EksError."""
    status, _, content = answer
    result: dict[str, Any] = json.loads(content)
    if status >= 400:
        raise EksError(result["__type"], result["message"])
    return result
