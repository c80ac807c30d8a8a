"""Who may assume a role, as statements of its trust policy."""

from collections.abc import Mapping
from typing import Any, Literal

Trust = Mapping[str, Any]
"""A statement of an AssumeRolePolicyDocument."""


def service_trust(service: str) -> Trust:
    """Return the trust in an AWS service such as "ec2.amazonaws.com"."""
    return {"Effect": "Allow", "Action": ["sts:AssumeRole"], "Principal": {"Service": service}}


def pod_identity_trust(
    *, cluster: str, by: Literal["arn", "name"] = "name", namespace: str, service_account: str
) -> Trust:
    """Return the trust in one service account of one cluster, by EKS Pod Identity.

    EKS tags the session with all three; without the association, or from elsewhere, nobody gets in.
    """
    return {
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": {
            "StringEquals": {
                f"aws:RequestTag/eks-cluster-{by}": cluster,
                "aws:RequestTag/kubernetes-namespace": namespace,
                "aws:RequestTag/kubernetes-service-account": service_account,
            }
        },
    }
