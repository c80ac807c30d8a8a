"""The credentials that EKS Pod Identity hands a service account's pods."""

import secrets
import time
from collections.abc import Mapping
from typing import Any

from local.aws import internals
from local.aws.eks.roles import require_pod_role
from local.aws.eks.service import EksError, eks

LIFETIME_SECONDS = 6 * 3600


def find(cluster: str, namespace: str, service_account: str) -> Mapping[str, Any] | None:
    """Return a session of the associated role, as the container provider reads it, or None.

    The account and region are those of the current request. Raises PermissionError for a role
    that doesn't let pods in any more.
    """
    association = _association(cluster, namespace, service_account)
    if association is None:
        return None
    role: str = association["roleArn"]
    try:
        require_pod_role(role)
    except EksError as error:
        raise PermissionError(error.message) from error
    account, name = role.split(":")[4], role.rsplit("/", 1)[-1]
    key = f"ASIA{secrets.token_hex(8).upper()}"
    secret, token = secrets.token_hex(20), secrets.token_hex(20)
    session = f"eks-{cluster}-{service_account}"[:64]
    expires = time.time() + LIFETIME_SECONDS
    internals.module("services.sts").register_session(
        key,
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/{session}",
            "UserId": f"{name}:{session}",
            "SecretAccessKey": secret,
            "SessionToken": token,
            "Expiration": expires,
            "AccountId": account,
            "PrincipalType": "AssumedRole",
            "SessionTags": [] if association["disableSessionTags"] else _session_tags(association),
        },
    )
    return {
        "AccessKeyId": key,
        "SecretAccessKey": secret,
        "Token": token,
        "AccountId": account,
        "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(expires)),
    }


def _session_tags(association: Mapping[str, Any]) -> list[dict[str, str]]:
    """What EKS tells IAM of the pod, but for the pod's own name."""
    values = {
        "eks-cluster-name": association["clusterName"],
        "kubernetes-namespace": association["namespace"],
        "kubernetes-service-account": association["serviceAccount"],
    }
    return [{"Key": key, "Value": value} for key, value in values.items()]


def _association(cluster: str, namespace: str, service_account: str) -> Mapping[str, Any] | None:
    """The association of just this service account in a cluster of this account."""
    for found in eks()._pod_identity_associations.values():
        if (found["clusterName"], found["namespace"], found["serviceAccount"]) == (
            cluster,
            namespace,
            service_account,
        ):
            record: Mapping[str, Any] = found
            return record
    return None
