"""Policies: as long and as many at a target as AWS takes."""

from collections.abc import Mapping
from typing import Any

from local.aws.organizations.service import (
    OrganizationsError,
    check,
    organizations,
)

CHARACTERS = 5120
"""Of a service control policy (AWS Organizations quotas)."""
PER_TARGET = 5
"""Service control policies at a root, unit or account (AWS Organizations quotas)."""


def install() -> None:
    check("CreatePolicy", _check_size)
    check("UpdatePolicy", _check_size)
    check("AttachPolicy", _check_number)


def _check_size(payload: Mapping[str, Any]) -> None:
    if len(payload.get("Content") or "") > CHARACTERS:
        raise OrganizationsError(
            "ConstraintViolationException",
            f"You have provided a policy document that exceeds the limit of {CHARACTERS}.",
        )


def _check_number(payload: Mapping[str, Any]) -> None:
    service = organizations()
    target = payload.get("TargetId")
    attached = [policy for policy, targets in service._attachments.items() if target in targets]
    if len(attached) >= PER_TARGET:
        raise OrganizationsError(
            "ConstraintViolationException",
            f"You have attached the maximum number of policies, {PER_TARGET}, to {target}.",
        )
