"""Who may assume a role, as statements of its trust policy."""

from collections.abc import Mapping
from typing import Any

Trust = Mapping[str, Any]
"""A statement of an AssumeRolePolicyDocument."""


def pod_identity_trust(*, cluster_arn: str, namespace: str, service_account: str) -> Trust:
    """Return the trust in one service account of one cluster, by EKS Pod Identity.

    EKS tags the session with all three; without the association, or from elsewhere, nobody gets in.
    """
    return {
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": {
            "StringEquals": {
                "aws:RequestTag/eks-cluster-arn": cluster_arn,
                "aws:RequestTag/kubernetes-namespace": namespace,
                "aws:RequestTag/kubernetes-service-account": service_account,
            }
        },
    }
