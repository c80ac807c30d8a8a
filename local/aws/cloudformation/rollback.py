"""Rolling back: changes are sent back, then what was made goes, who needs it first."""

from collections.abc import Mapping
from typing import Any

from local.aws.cloudformation.operation import Operation, Record, stacks
from local.aws.cloudformation.order import in_order, needs, reverse

_RESTORED = ("_resources", "_template", "_resolved_params", "_conditions", "_template_body")
_SHOWN = ("Parameters", "Tags", "Outputs")


async def roll_back(
    name: str, identifier: str, stack: Record, failed: Mapping[str, Any], reason_override: str = ""
) -> None:
    """Undo a failed create or update, right after it or when RollbackStack asks for it."""
    await _RollBack(Operation(name, identifier, stack), failed).run(reason_override)


class _RollBack:
    def __init__(self, operation: Operation, failed: Mapping[str, Any]) -> None:
        self._operation = operation
        self._stack = operation.stack
        self._failed = failed
        self._before: Record | None = failed.get("previous_stack")
        self._template: Record = failed.get("template") or {}
        self._resources: dict[str, Record] = self._stack.setdefault("_resources", {})
        self._old: dict[str, Record] = (self._before or {}).get("_resources", {})
        self._stuck: dict[str, Record] = {}

    async def run(self, reason: str) -> None:
        operation, update = self._operation, self._before is not None
        self._stack.pop("_failed_operation", None)
        prefix = "UPDATE_ROLLBACK" if update else "ROLLBACK"
        operation.settle(f"{prefix}_IN_PROGRESS", reason or self._reason())
        changed, made = self._sorted()
        # An update takes its changes back in the order in which it made them.
        await in_order(self._graph(self._before), lambda name: self._send_back(name, changed))
        if update and not self._stuck:
            operation.settle(f"{prefix}_COMPLETE_CLEANUP_IN_PROGRESS")
        await in_order(
            reverse(self._graph(self._template_state())), lambda name: self._take_away(name, made)
        )
        if self._before is not None:
            for key in (*_RESTORED, *_SHOWN):
                if key in self._before:
                    self._stack[key] = self._before[key]
        if self._stuck:
            reason = stacks()._rollback_failure_reason(self._stuck)
            self._stack["_rollback_failed"] = self._stuck
            self._stack["StackStatusReason"] = reason
            operation.settle(f"{prefix}_FAILED", reason)
        else:
            operation.settle(f"{prefix}_COMPLETE")

    def _reason(self) -> str:
        if self._failed.get("cancelled"):
            return "User Initiated"
        words = ""
        for verb in ("CREATE", "UPDATE"):
            names = sorted(n for n, its in self._failed.get("failed", {}).items() if its == verb)
            if names:
                words += (
                    f"The following resource(s) failed to {verb.lower()}: [{', '.join(names)}]. "
                )
        return words if self._before is not None else f"{words}Rollback requested by user."

    def _template_state(self) -> Record:
        return {"_template": self._template, "_resources": self._resources}

    @staticmethod
    def _graph(state: Record | None) -> Any:
        return needs((state or {}).get("_template") or {}, (state or {}).get("_resources", {}))

    def _sorted(self) -> tuple[dict[str, list[Any]], set[str]]:
        """What is to be sent back, as arguments of a revert, and what is to be deleted."""
        operation, changed, made = self._operation, {}, set()
        for name in self._failed.get("created", []):
            now, before = self._resources.get(name, {}), self._old.get(name)
            physical_id = now.get("PhysicalResourceId", "")
            replaced = name in self._failed.get("replaced_ids", [])
            if before is None or replaced or before.get("PhysicalResourceId") != physical_id:
                made.add(name)
                continue
            kind = now.get("ResourceType", "")
            new, old = (
                stacks()._with_stack_tags(
                    kind,
                    one.get("Properties", {}),
                    self._failed.get(tags) or [],
                    operation.name,
                    operation.identifier,
                    name,
                )
                for one, tags in ((now, "stack_tags"), (before, "previous_tags"))
            )
            changed[name] = [kind, physical_id, new, old, now.get("Attributes", {})]
        for name, kind, physical_id, new, old, attributes in self._failed.get("half_done", []):
            # A type's own handler did nothing when it failed; somebody's function may have.
            sends = new is not None and stacks()._sends_back_failed_update(kind)
            changed[name] = [kind, physical_id, new if sends else old, old, attributes]
        return changed, made

    async def _send_back(self, name: str, changed: Mapping[str, list[Any]]) -> bool:
        if name not in changed:
            return True
        operation = self._operation
        kind, physical_id, new, old, attributes = changed[name]
        record = self._old.get(name)
        if new == old:
            operation.event(name, kind, "UPDATE_COMPLETE", physical_id=physical_id)
            stacks()._mark_rolled_back(record)
            return True
        async with operation.turn(kind):
            try:
                await stacks()._revert_update(
                    operation.identifier,
                    operation.name,
                    name,
                    kind,
                    physical_id,
                    new,
                    old,
                    attributes,
                    record,
                )
            except Exception:  # noqa: BLE001 (the event has said it; ContinueUpdateRollback tries)
                self._stuck[name] = {
                    "PhysicalResourceId": physical_id,
                    "ResourceType": kind,
                    "RevertFrom": new,
                    "RevertTo": old,
                    "Attributes": attributes,
                }
        return True

    async def _take_away(self, name: str, made: set[str]) -> bool:
        if name not in made:
            return True
        record = self._resources[name]
        kind, physical_id = record.get("ResourceType", ""), record.get("PhysicalResourceId", "")
        problem = await self._operation.delete(
            name, kind, physical_id, record.get("Properties", {}), self._policy(name)
        )
        if not problem:
            del self._resources[name]
            return True
        record.update(ResourceStatus="DELETE_FAILED", ResourceStatusReason=problem)
        if self._before is not None and not self._stuck:
            # The stack is what it was; what is left over doesn't change that.
            return True
        self._stuck[name] = {
            "PhysicalResourceId": physical_id,
            "ResourceType": kind,
            "Properties": record.get("Properties", {}),
        }
        return False

    def _policy(self, name: str) -> str:
        """Retain holds even for what was made a moment ago, RetainExceptOnCreate doesn't."""
        if name in self._failed.get("imports", []):
            return "Retain"
        state = {
            **self._stack,
            "_template": self._template,
            "_resolved_params": self._failed.get("param_values") or {},
        }
        definition = self._template.get("Resources", {}).get(name)
        policy = self._operation.policy(definition, "DeletionPolicy", state)
        retains = policy == "Retain" and not self._failed.get("retain_except_on_create")
        return "Retain" if retains else "Delete"
