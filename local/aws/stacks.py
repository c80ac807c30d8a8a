"""CloudFormation's engine: conditions over Fn::Join, and events only for what a change concerns."""

from collections.abc import Mapping
from typing import Any

from local.aws import internals

_PACKAGE = "services.cloudformation"


def install() -> None:
    owners = tuple(
        internals.module(f"{_PACKAGE}.{name}")
        for name in ("engine", "stacks", "changesets", "handlers")
    )
    internals.replace_in(owners, "_evaluate_conditions", _joining)
    _Events(internals.module(f"{_PACKAGE}.stacks")).install()


def _joining(stock: Any) -> Any:
    """Conditions that compare an Fn::Join, as the one in CDK's bootstrap template does."""

    def evaluate(template: dict[str, Any], parameters: Mapping[str, Any]) -> Any:
        conditions = _join(template.get("Conditions", {}), parameters)
        return stock({**template, "Conditions": conditions}, parameters)

    return evaluate


def _join(value: Any, parameters: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_join(item, parameters) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Fn::Join"}:
        separator, items = value["Fn::Join"]
        items = _value(items, parameters)
        parts = items.split(",") if isinstance(items, str) else items
        return separator.join(str(_value(part, parameters)).strip() for part in parts)
    return {key: _join(item, parameters) for key, item in value.items()}


def _value(item: Any, parameters: Mapping[str, Any]) -> Any:
    if isinstance(item, dict) and set(item) == {"Ref"} and item["Ref"] in parameters:
        return parameters[item["Ref"]]["Value"]
    return _join(item, parameters)


_Key = tuple[str, str, str, str]


def _key(stack: str, resource: str) -> _Key:
    return internals.account(), internals.region(), stack, resource


class _Events:
    """Stack events as CloudFormation writes them: none for a resource that does not change.

    MiniStack announces an update of every resource before it compares. The announcement is held
    back until the comparison is known; a new resource is announced as created, and a resource that
    the new template drops gets its own events.
    """

    def __init__(self, stacks: Any) -> None:
        self._stacks = stacks
        self._held: dict[_Key, tuple[Any, ...]] = {}
        self._silent: set[_Key] = set()
        self._created: set[_Key] = set()

    def install(self) -> None:
        for name, make in (
            ("_add_event", self._add_event),
            ("_update_resource", self._update),
            ("_provision_resource", self._provision),
            ("_delete_resource", self._delete),
        ):
            internals.replace(self._stacks, name, make)

    def _add_event(self, stock: Any) -> Any:
        self._emit = stock

        def add(
            stack_id: str,
            stack: str,
            resource: str,
            kind: str,
            status: str,
            reason: str = "",
            physical_id: str = "",
            detailed_status: str = "",
        ) -> None:
            key = _key(stack, resource)
            if resource != stack and status == "UPDATE_IN_PROGRESS" and not (reason or physical_id):
                self._held[key] = (stack_id, stack, resource, kind, status)
                return
            self._release(key)
            if key in self._created and status.startswith("UPDATE_"):
                self._created.discard(key)
                status = status.replace("UPDATE_", "CREATE_")
            if key in self._silent:
                self._silent.discard(key)
                return
            stock(stack_id, stack, resource, kind, status, reason, physical_id, detailed_status)

        return add

    def _release(self, key: _Key, status: str | None = None) -> None:
        held = self._held.pop(key, None)
        if held:
            self._emit(*held[:4], status or held[4])

    def _update(self, stock: Any) -> Any:
        def update(
            kind: str,
            physical_id: str,
            old: Any,
            new: Any,
            stack: str,
            logical_id: str | None = None,
            attributes: Any = None,
        ) -> Any:
            key = _key(stack, logical_id or physical_id)
            if old == new and key in self._held:
                del self._held[key]
                self._silent.add(key)
            self._release(key)
            return stock(kind, physical_id, old, new, stack, logical_id, attributes)

        return update

    def _provision(self, stock: Any) -> Any:
        def provision(kind: str, logical_id: str, properties: Any, stack: str) -> Any:
            key = _key(stack, logical_id)
            if key in self._held:
                self._created.add(key)
                self._release(key, "CREATE_IN_PROGRESS")
            return stock(kind, logical_id, properties, stack)

        return provision

    def _delete(self, stock: Any) -> Any:
        def delete(
            kind: str, physical_id: str, properties: Any, stack: str, logical_id: str
        ) -> None:
            record = internals.module(_PACKAGE)._stacks.get(stack) or {}
            # Only the clean-up after an update lacks its events; deletes and rollbacks have them.
            announced = record.get("StackStatus") != "UPDATE_IN_PROGRESS"
            event = (record.get("StackId", ""), stack, logical_id, kind)
            if not announced:
                self._emit(*event, "DELETE_IN_PROGRESS", physical_id=physical_id)
            stock(kind, physical_id, properties, stack, logical_id)
            if not announced:
                self._emit(*event, "DELETE_COMPLETE", physical_id=physical_id)

        return delete
