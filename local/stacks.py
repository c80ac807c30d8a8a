"""The CloudFormation stacks of an environment, as its account's API tells them."""

import time
from collections.abc import Callable, Mapping

from local import access
from local.errors import LocalError
from local.target import AccountTarget

STANDING = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"})
"""The states in which what a stack made is there."""
SETTLE_SECONDS = 1800
POLL_SECONDS = 1.0


def states(target: AccountTarget) -> Mapping[str, str]:
    """Return the state of each stack of the account that isn't deleted, by name."""
    client = access.session(target).client("cloudformation", endpoint_url=target.endpoint)
    pages = client.get_paginator("describe_stacks").paginate()
    return {s["StackName"]: s["StackStatus"] for page in pages for s in page["Stacks"]}


def settle(target: AccountTarget, report: Callable[[str], None]) -> None:
    """Wait for what an interrupted command left under way; a deploy would pass it over.

    Raises LocalError when a stack is still at it after half an hour.
    """
    deadline = time.monotonic() + SETTLE_SECONDS
    told = ""
    while busy := sorted(n for n, s in states(target).items() if s.endswith("_IN_PROGRESS")):
        if told != busy[0]:
            told = busy[0]
            report(f"{told} is still at what an earlier command asked for")
        if time.monotonic() > deadline:
            raise LocalError(f"Stack {told} doesn't come to an end; 'make down' removes it.")
        time.sleep(POLL_SECONDS)
