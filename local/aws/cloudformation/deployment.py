"""CreateStack and UpdateStack: each resource is made or changed once all that it needs stands."""

import asyncio
from collections.abc import Mapping
from typing import Any

from local.aws import internals
from local.aws.cloudformation.cleanup import Replaced, clean_up
from local.aws.cloudformation.operation import CUSTOM, STACK, Operation, Record, stacks
from local.aws.cloudformation.order import in_order, needs
from local.aws.cloudformation.provision import Provision
from local.aws.cloudformation.rollback import roll_back

_PACKAGE = "services.cloudformation"


async def deploy(
    name: str,
    identifier: str,
    template: Record,
    parameters: Record,
    disable_rollback: bool,
    _tags: list[Any],
    is_update: bool = False,
    previous_stack: Record | None = None,
    retain_except_on_create: bool = False,
    imports: Mapping[str, Any] | None = None,
) -> None:
    """Create or update a stack, and roll it back when that fails.

    `previous_stack` is the stack as it was before an update; `imports` has the identifiers of what
    is there and only joins the stack, by logical id.
    """
    stack = internals.module(_PACKAGE)._stacks[name]
    before = (previous_stack or {}) if is_update else None
    operation = Operation(name, identifier, stack)
    deployment = Deployment(operation, template, parameters, before, imports or {})
    await deployment.run(disable_rollback, retain_except_on_create)


class Deployment:
    """One create or update.

    The first failure ends it: nothing more is begun, and what is under way counts as cancelled,
    though it is let end, so that it can be rolled back.
    """

    def __init__(
        self,
        operation: Operation,
        template: Record,
        parameters: Record,
        before: Record | None,
        imports: Mapping[str, Any],
    ) -> None:
        self._operation = operation
        self._stack = operation.stack
        self._template = template
        self._parameters = parameters
        self._before = before
        self._imports = imports
        self._old: Mapping[str, Record] = (before or {}).get("_resources", {})
        self._made: dict[str, Record] = self._stack.setdefault("_resources", {})
        self._provision = Provision(operation, template, parameters, before)
        self._under_way: dict[str, str] = {}
        self._failed: dict[str, str] = {}
        self._done: list[str] = []
        self._half_done: list[list[Any]] = []
        self._replaced: dict[str, Replaced] = {}
        self._problem = ""
        self._cancelled = False

    async def run(self, disable_rollback: bool, retain_except_on_create: bool) -> None:
        stack, engine = self._stack, stacks()
        for left in ("_failed_operation", "_cancel_requested", "_cancel_token"):
            stack.pop(left, None)
        try:
            order = engine._topological_sort(self._template["Resources"], self._conditions)
        except ValueError as error:
            self._problem = str(error)
            await self._give_up(True, retain_except_on_create)
            return
        if not stack.get("_disable_validation") and self._is_invalid(order, disable_rollback):
            return
        await in_order(needs(self._template, order), self._bring, self._goes_on)
        if self._abandoned:
            return
        removed = set(self._old) - set(order)
        if not self._problem:
            self._publish(removed)
        # Whoever asks at this moment sees the resources done, and the stack not yet.
        await asyncio.sleep(0)
        if self._problem:
            await self._give_up(disable_rollback, retain_except_on_create)
            return
        if self._before is not None:
            await clean_up(self._operation, self._before, self._replaced, removed)
        self._operation.settle(f"{self._verb}_COMPLETE")

    @property
    def _verb(self) -> str:
        return "CREATE" if self._before is None else "UPDATE"

    @property
    def _conditions(self) -> Mapping[str, bool]:
        evaluated: Mapping[str, bool] = stacks()._evaluate_conditions(
            self._template, self._parameters
        )
        return evaluated

    @property
    def _abandoned(self) -> bool:
        """Whether the stack is being deleted before it is whole."""
        return str(self._stack["StackStatus"]).startswith("DELETE_")

    def _goes_on(self) -> bool:
        if self._before is not None and self._stack.pop("_cancel_requested", False):
            # The events from here on are the cancellation's.
            stacks().CLIENT_REQUEST_TOKEN.set(self._stack.pop("_cancel_token", ""))
            self._cancelled = True
            self._problem = "User Initiated"
            self._cancel_others()
        return not self._problem and not self._abandoned

    async def _bring(self, name: str) -> bool:
        """Make one resource what the template says; answer whether it is."""
        definition = self._template["Resources"][name]
        kind = definition.get("Type", CUSTOM)
        verb = "UPDATE" if name in self._old else "CREATE"
        verb = "IMPORT" if name in self._imports else verb
        plan = None
        try:
            plan = self._provision.plan(name)
            if name in self._imports:
                self._made[name] = self._provision.adopt(plan, self._imports[name])
                self._done.append(name)
                return True
            if not plan.changes:
                self._made[name] = plan.record
                return True
            async with self._operation.turn(kind):
                if not self._goes_on():
                    return False
                self._under_way[name] = verb
                self._operation.event(
                    name, kind, f"{verb}_IN_PROGRESS", plan.reason, plan.physical_id
                )
                record, replaced = await self._provision.carry_out(plan)
        except Exception as error:  # noqa: BLE001 (whatever it is, it fails the stack)
            self._under_way.pop(name, None)
            if name in self._old:
                self._half_done.append(
                    [name, kind, *(plan.attempt if plan else self._as_was(name))]
                )
            if name not in self._failed:
                self._failed[name] = verb
                self._operation.event(name, kind, f"{verb}_FAILED", str(error))
                self._problem = self._problem or f"Resource {name} failed: {error}"
                self._cancel_others()
            return False
        del self._under_way[name]
        physical_id = record["PhysicalResourceId"]
        if self._abandoned:
            # The deletion has passed by what wasn't there yet.
            await self._operation.delete(name, kind, physical_id, record["Properties"])
            return False
        self._made[name] = record
        self._done.append(name)
        if replaced:
            self._replaced[name] = replaced
        if name not in self._failed:
            self._operation.event(name, kind, f"{verb}_COMPLETE", physical_id=physical_id)
        return True

    def _as_was(self, name: str) -> list[Any]:
        return [self._old[name].get("PhysicalResourceId", name), None, None, None]

    def _cancel_others(self) -> None:
        for name in sorted(set(self._under_way) - set(self._failed)):
            verb = self._failed[name] = self._under_way[name]
            what = "creation" if verb == "CREATE" else "update"
            kind = self._template["Resources"][name].get("Type", CUSTOM)
            self._operation.event(name, kind, f"{verb}_FAILED", f"Resource {what} cancelled")

    def _is_invalid(self, order: list[str], disable_rollback: bool) -> bool:
        operation = self._operation
        return bool(
            stacks()._fail_property_validation(
                self._stack,
                operation.identifier,
                operation.name,
                self._template["Resources"],
                order,
                self._parameters,
                self._conditions,
                self._template.get("Mappings", {}),
                disable_rollback,
                previous_stack=self._before,
            )
        )

    def _publish(self, removed: set[str]) -> None:
        """Make the new template the stack's, with its outputs and exports."""
        operation, stack = self._operation, self._stack
        try:
            # What the update removes still stands, but an output mustn't read it.
            outputs, exports = stacks()._resolve_stack_outputs(
                self._template.get("Outputs", {}),
                self._conditions,
                {name: one for name, one in self._made.items() if name not in removed},
                self._parameters,
                self._template.get("Mappings", {}),
                operation.name,
                operation.identifier,
            )
        except Exception as error:  # noqa: BLE001 (an output that can't be had fails the stack)
            self._problem = str(error)
            operation.event(
                operation.name, STACK, f"{self._verb}_FAILED", str(error), operation.identifier
            )
            return
        internals.module(_PACKAGE)._exports.update(exports)
        stack.update(_template=self._template, _resolved_params=self._parameters, Outputs=outputs)

    async def _give_up(self, disable_rollback: bool, retain_except_on_create: bool) -> None:
        before, operation = self._before, self._operation
        failed = {
            "is_update": before is not None,
            "previous_stack": before,
            "created": self._done,
            "half_done": self._half_done,
            "failed": self._failed,
            "replaced_ids": list(self._replaced),
            "imports": list(self._imports),
            "cancelled": self._cancelled,
            "template": self._template,
            "param_values": self._parameters,
            "retain_except_on_create": retain_except_on_create,
            "stack_tags": self._stack.get("Tags") or [],
            "previous_tags": (before or {}).get("Tags") or [],
        }
        if disable_rollback:
            self._stack["_failed_operation"] = failed
            self._stack["StackStatusReason"] = self._problem
            operation.settle(f"{self._verb}_FAILED", self._problem)
        else:
            await roll_back(operation.name, operation.identifier, self._stack, failed)
