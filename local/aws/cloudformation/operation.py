"""What every change of a stack does: say what happens, and do it to one resource."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from local.aws import internals

Record = dict[str, Any]
"""MiniStack's record of a stack, or of a resource in it."""

STACK = "AWS::CloudFormation::Stack"
CUSTOM = "AWS::CloudFormation::CustomResource"
CUSTOM_AT_ONCE = 4
"""Custom resources of a stack that are worked on at once; each takes processes of its own."""


def stacks() -> Any:
    """MiniStack's engine."""
    return internals.module("services.cloudformation.stacks")


class Operation:
    """A change of one stack; its events are in the order in which things happen."""

    def __init__(self, name: str, identifier: str, stack: Record) -> None:
        self.name = name
        self.identifier = identifier
        self.stack = stack
        self._custom = asyncio.Semaphore(CUSTOM_AT_ONCE)

    def event(
        self, resource: str, kind: str, status: str, reason: str = "", physical_id: str = ""
    ) -> None:
        stacks()._add_event(self.identifier, self.name, resource, kind, status, reason, physical_id)

    def settle(self, status: str, reason: str = "") -> None:
        """Put the stack into a state, and say so."""
        self.stack["StackStatus"] = status
        self.event(self.name, STACK, status, reason, self.identifier)

    @contextlib.asynccontextmanager
    async def turn(self, kind: str) -> AsyncIterator[None]:
        """Wait while too many of a kind are under way."""
        if not (kind == CUSTOM or kind.startswith("Custom::")):
            yield
            return
        async with self._custom:
            yield

    async def call(self, kind: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Do something to a resource: on a thread if its kind waits, else here and at once.

        What is done here has the server for itself, so that only kinds that wait meet each other.
        """
        if stacks()._runs_on_worker_thread(kind):
            return await stacks().run_reentrant(function, *arguments)
        return function(*arguments)

    async def delete(
        self,
        resource: str,
        kind: str,
        physical_id: str,
        properties: Mapping[str, Any],
        policy: str = "Delete",
    ) -> str:
        """Delete a resource unless its policy keeps it; return why it couldn't be."""
        if policy in stacks()._RETAINING_POLICIES:
            self.event(resource, kind, "DELETE_SKIPPED", physical_id=physical_id)
            return ""
        async with self.turn(kind):
            self.event(resource, kind, "DELETE_IN_PROGRESS", physical_id=physical_id)
            try:
                if policy == "Snapshot":
                    stacks()._snapshot_resource(kind, physical_id, properties)
                delete = stacks()._delete_resource
                await self.call(kind, delete, kind, physical_id, properties, self.name, resource)
            except Exception as error:  # noqa: BLE001 (whatever it is, it goes into the event)
                self.event(resource, kind, "DELETE_FAILED", str(error), physical_id)
                return str(error) or type(error).__name__
        self.event(resource, kind, "DELETE_COMPLETE", physical_id=physical_id)
        return ""

    def policy(
        self, definition: Mapping[str, Any] | None, attribute: str, state: Mapping[str, Any]
    ) -> str:
        """A resource's DeletionPolicy or UpdateReplacePolicy, by a stack record's parameters."""
        return str(
            stacks()._resource_policy(
                definition,
                attribute,
                state.get("_resources", {}),
                state.get("_resolved_params", {}),
                state.get("_conditions", {}),
                (state.get("_template") or {}).get("Mappings", {}),
                self.name,
                self.identifier,
            )
        )
