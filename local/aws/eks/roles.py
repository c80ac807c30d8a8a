"""The roles that EKS is handed: they exist, and their trust policies let the right service in."""

from local.aws.eks.service import invalid
from local.aws.service_trust import lets_in, trust_policy

_POD_ACTIONS = ("sts:AssumeRole", "sts:TagSession")


def require_role(arn: str, service: str) -> None:
    """Refuse a role that does not exist or that the service may not assume."""
    if not lets_in(trust_policy(arn), service, "sts:AssumeRole"):
        raise invalid(f"Role {arn} does not exist or does not trust {service}.")


def require_pod_role(arn: str) -> None:
    """Refuse a role that EKS Pod Identity could not hand to pods."""
    trust = trust_policy(arn)
    if trust is None:
        raise invalid(f"Role {arn} provided in the request does not exist.")
    service = "pods.eks.amazonaws.com"
    if not lets_in(trust, service, *_POD_ACTIONS):
        raise invalid(
            f"Trust policy of the role provided is invalid: {arn} must allow {service} "
            f"{' and '.join(_POD_ACTIONS)}."
        )
