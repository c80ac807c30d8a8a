"""Policy documents."""

from collections.abc import Mapping
from typing import Any

Statement = Mapping[str, Any]
"""A policy statement as IAM writes it."""


def document(*statements: Statement) -> dict[str, Any]:
    """Return a policy of these statements, each of which allows unless it says otherwise."""
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", **statement} for statement in statements],
    }


def account_decides(account: str) -> Statement:
    """Return the statement of a key that leaves it to the IAM policies of its account.

    Without it they would count for nothing, and nobody could change the key any more.
    """
    return {
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "kms:*",  # as far as an IAM policy allows it
        "Resource": "*",  # this key: a key's policy speaks of no other
    }
