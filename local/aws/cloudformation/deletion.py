"""DeleteStack: each resource goes once all that needs it is gone."""

from collections.abc import Collection

from local.aws import internals
from local.aws.cloudformation.operation import Operation, stacks
from local.aws.cloudformation.order import in_order, needs, reverse

_PACKAGE = "services.cloudformation"


async def delete(
    name: str, identifier: str, retain: Collection[str] = (), force: bool = False
) -> None:
    """Delete a stack; what a resource needs stays with it when it can't be deleted.

    `retain` names resources that stay. With `force` those that can't be deleted do, and what they
    need, and the stack goes nevertheless.
    """
    package = internals.module(_PACKAGE)
    stack = package._stacks.get(name)
    if not stack:
        return
    operation = Operation(name, identifier, stack)
    operation.settle("DELETE_IN_PROGRESS")
    resources = stack.get("_resources", {})
    definitions = (stack.get("_template") or {}).get("Resources", {})
    needed = stacks()._with_dependencies
    kept = set(retain)
    if force:
        lost = [n for n, one in resources.items() if one.get("ResourceStatus") == "DELETE_FAILED"]
        kept |= needed(lost, definitions, set(resources))
    failed = []

    async def remove(resource: str) -> bool:
        record = resources[resource]
        policy = operation.policy(definitions.get(resource), "DeletionPolicy", stack)
        problem = await operation.delete(
            resource,
            record.get("ResourceType", ""),
            record.get("PhysicalResourceId", ""),
            record.get("Properties", {}),
            "Retain" if resource in kept else policy,
        )
        if problem and not force:
            record.update(ResourceStatus="DELETE_FAILED", ResourceStatusReason=problem)
            failed.append(resource)
            return False
        if problem:
            kept.update(needed([resource], definitions, set(resources)))
        resources.pop(resource)
        return True

    await in_order(reverse(needs(stack.get("_template") or {}, resources)), remove)
    if failed:
        reason = f"The following resource(s) failed to delete: [{', '.join(sorted(failed))}]."
        stack["StackStatusReason"] = reason
        operation.settle("DELETE_FAILED", reason)
        return
    for output in stack.get("Outputs", []):
        package._exports.pop(output.get("ExportName"), None)
    operation.settle("DELETE_COMPLETE")
