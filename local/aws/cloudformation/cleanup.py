"""What a successful update leaves behind: replaced resources, and those the template dropped."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from local.aws import internals
from local.aws.cloudformation.operation import Operation, Record, stacks
from local.aws.cloudformation.order import in_order, needs, reverse


@dataclass(frozen=True)
class Replaced:
    """A resource that another has taken the place of."""

    kind: str
    physical_id: str
    successor: str
    properties: Mapping[str, Any]
    deferred: list[Any]
    """Calls that delete it, put off until the update has succeeded: (function, arguments, …)."""


async def clean_up(
    operation: Operation,
    before: Record,
    replaced: Mapping[str, Replaced],
    removed: AbstractSet[str],
) -> None:
    """Delete what the update has made superfluous, who needs it first.

    What can't be deleted doesn't fail the update: it stays in the stack, where the template has
    dropped it, and a later operation tries again.
    """
    operation.settle("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    resources = operation.stack["_resources"]
    old_definitions = (before.get("_template") or {}).get("Resources", {})
    definitions = operation.stack["_template"]["Resources"]

    async def drop(name: str) -> bool:
        if name in replaced:
            policy = operation.policy(definitions.get(name), "UpdateReplacePolicy", operation.stack)
            await _drop_replaced(operation, name, replaced[name], policy)
        elif name in removed:
            policy = operation.policy(old_definitions.get(name), "DeletionPolicy", before)
            await _drop_removed(operation, name, resources, before["_resources"][name], policy)
        return True

    graph = needs(before.get("_template") or {}, before.get("_resources", {}))
    await in_order(reverse(graph), drop)


async def _drop_replaced(operation: Operation, name: str, one: Replaced, policy: str) -> None:
    if policy not in stacks()._RETAINING_POLICIES:
        # The kind's own way first, where the physical id alone doesn't say which it was.
        for function, arguments, options in one.deferred:
            try:
                function(*arguments, **options)
            except Exception as error:  # noqa: BLE001 (whatever it is, it goes into the event)
                operation.event(name, one.kind, "DELETE_FAILED", str(error), one.physical_id)
                return
    if one.successor != one.physical_id:
        await operation.delete(name, one.kind, one.physical_id, one.properties, policy)


async def _drop_removed(
    operation: Operation, name: str, resources: Record, old: Record, policy: str
) -> None:
    problem = await operation.delete(
        name,
        old.get("ResourceType", ""),
        old.get("PhysicalResourceId", ""),
        old.get("Properties", {}),
        policy,
    )
    if not problem:
        resources.pop(name, None)
        return
    resources[name] = {
        **old,
        "ResourceStatus": "DELETE_FAILED",
        "ResourceStatusReason": problem,
        "Timestamp": internals.module("core.responses").now_iso(),
    }
