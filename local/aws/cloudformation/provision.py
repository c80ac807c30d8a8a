"""One resource of a create or update: what is to be done to it, and doing that."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.aws import internals
from local.aws.cloudformation.cleanup import Replaced
from local.aws.cloudformation.operation import CUSTOM, Operation, Record, stacks

_REPLACEMENT = (
    "Requested update requires the creation of a new physical resource; hence creating one."
)


@dataclass(kw_only=True)
class Plan:
    """What is to be done to a resource, and its record as it is now and will be."""

    name: str
    kind: str
    new: Mapping[str, Any]
    record: Record
    changes: bool = True
    before: Record | None = None
    old: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    physical_id: str = ""
    attempt: list[Any] = field(default_factory=list)
    """What a roll-back sends back: physical id, new and old properties, attributes."""


class Provision:
    """How one operation makes and changes resources."""

    def __init__(
        self, operation: Operation, template: Record, parameters: Record, before: Record | None
    ) -> None:
        self._operation = operation
        self._template = template
        self._parameters = parameters
        self._before = before or {}
        self._same = bool(before) and (
            template == self._before.get("_template")
            and parameters == self._before.get("_resolved_params")
        )

    def plan(self, name: str) -> Plan:
        """Resolve a resource's properties, all that it refers to being there. Raises ValueError."""
        engine = stacks()
        definition = self._template["Resources"][name]
        kind = definition.get("Type", CUSTOM)
        before = self._before.get("_resources", {}).get(name)
        properties, dynamic = self._resolve(name, definition, before)
        new = self._tagged(name, kind, properties, self._operation.stack)
        record = {**(before or {}), "ResourceType": kind, "LogicalResourceId": name}
        record["Properties"] = properties
        if dynamic:
            record["_dynamic"] = dynamic
        plan = Plan(name=name, kind=kind, new=new, record=record, before=before)
        if before is None:
            return plan
        plan.old = self._tagged(name, kind, before.get("Properties", {}), self._before)
        plan.changes = plan.old != new
        plan.physical_id = before.get("PhysicalResourceId", name)
        plan.attempt = [plan.physical_id, None, None, None]
        if engine._custom_named_replacement_error(kind, plan.old, new):
            return plan
        if engine._replacing_change(kind, plan.old, new):
            plan.reason = _REPLACEMENT
        else:
            plan.attempt[1:] = [new, plan.old, before.get("Attributes", {})]
        return plan

    async def carry_out(self, plan: Plan) -> tuple[Record, Replaced | None]:
        """Do it; answer the resource's record, and what it takes the place of."""
        engine = stacks()
        deferred: list[Any] = []
        if plan.before is None:
            done = await self._operation.call(
                plan.kind,
                engine._provision_keeping_seed,
                plan.kind,
                plan.name,
                plan.new,
                self._operation.name,
            )
        else:
            # This is a task of its own, which takes these settings with it when it ends.
            engine._RETAIN_REPLACED.set(self._keeps_replaced(plan.name))
            engine._DEFERRED_PREDECESSOR_DELETES.set(deferred)
            engine._NAME_SEED.set(plan.before.get("_name_seed", ""))
            done = await self._operation.call(
                plan.kind,
                engine._update_keeping_seed,
                plan.kind,
                plan.physical_id,
                plan.old,
                plan.new,
                self._operation.name,
                plan.name,
                plan.before.get("Attributes", {}),
            )
        (physical_id, attributes), seed = done
        verb = "CREATE" if plan.before is None else "UPDATE"
        record = self._record(plan, physical_id, attributes, f"{verb}_COMPLETE")
        record.pop("_name_seed", None)
        if seed:
            record["_name_seed"] = seed
        if plan.before is None or (physical_id == plan.physical_id and not deferred):
            return record, None
        old = plan.before.get("Properties", {})
        return record, Replaced(plan.kind, plan.physical_id, physical_id, old, deferred)

    def adopt(self, plan: Plan, identifier: Any) -> Record:
        """Take what is there into the stack, with its events; answer its record."""
        operation = self._operation
        physical_id, attributes = stacks()._adopt_resource(
            operation.identifier, operation.name, plan.name, plan.kind, identifier
        )
        return self._record(plan, physical_id, attributes, "UPDATE_COMPLETE")

    @staticmethod
    def _record(plan: Plan, physical_id: str, attributes: Any, status: str) -> Record:
        return {
            **plan.record,
            "PhysicalResourceId": physical_id,
            "Attributes": attributes,
            "ResourceStatus": status,
            "Timestamp": internals.module("core.responses").now_iso(),
        }

    def _resolve(
        self, name: str, definition: Record, before: Record | None
    ) -> tuple[Record, Mapping[str, Any]]:
        engine, operation = stacks(), self._operation
        resolved = engine._resolve_refs(
            copy.deepcopy(definition.get("Properties", {})),
            operation.stack["_resources"],
            self._parameters,
            engine._evaluate_conditions(self._template, self._parameters),
            self._template.get("Mappings", {}),
            operation.name,
            operation.identifier,
        )
        defined = (self._before.get("_template") or {}).get("Resources", {}).get(name)
        properties, dynamic = engine._resolve_dynamic_references(
            {key: value for key, value in resolved.items() if value is not engine._NO_VALUE},
            (before or {}).get("_dynamic"),
            reuse_ssm=self._same,
            reuse_secrets=before is not None and defined == definition,
        )
        return properties, dynamic

    def _tagged(
        self, name: str, kind: str, properties: Mapping[str, Any], stack: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """The properties with the stack's tags, which the record of the resource doesn't have."""
        operation = self._operation
        tagged: Mapping[str, Any] = stacks()._with_stack_tags(
            kind, properties, stack.get("Tags") or [], operation.name, operation.identifier, name
        )
        return tagged

    def _keeps_replaced(self, name: str) -> bool:
        state = {
            **self._operation.stack,
            "_template": self._template,
            "_resolved_params": self._parameters,
        }
        definition = self._template["Resources"][name]
        policy = self._operation.policy(definition, "UpdateReplacePolicy", state)
        return policy in stacks()._RETAINING_POLICIES
