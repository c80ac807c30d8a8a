"""Which template properties nobody read: a property that is dropped silently shows up here.

Every create and update gets its properties as a mapping that notes what is read from it. What stays
unread is appended as one JSON line: {"stack", "resource", "type", "operation", "unread": [paths]}.
A mapping that is serialised whole counts as read, because then the service keeps it whole. One
that is stored but never opened does not; KEPT_WHOLE names where that is right, and why.
"""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from local.aws import internals

KEPT_WHOLE: dict[tuple[str, str], str] = {
    ("AWS::EC2::VPCEndpoint", "PolicyDocument"): "DescribeVpcEndpoints shows it as it was given",
    ("AWS::Lambda::Function", "Environment.Variables"): "the function's process gets all of them",
    ("AWS::Lambda::Function", "LoggingConfig"): "GetFunctionConfiguration shows it as it was given",
    ("AWS::Lambda::Function", "TracingConfig"): "GetFunctionConfiguration shows it as it was given",
}

ACCEPTED: dict[tuple[str, str], str] = {
    ("AWS::CDK::Metadata", "Analytics"): "CDK's usage figures, which only AWS reads",
    (
        "AWS::EKS::Nodegroup",
        "ForceUpdateEnabled",
    ): "read by the update that it concerns: whether old nodes go although pods block them",
    ("AWS::EKS::Addon", "PreserveOnDelete"): "read when the add-on is deleted",
    ("AWS::KMS::Key", "PendingWindowInDays"): "read when the key is deleted",
}
"""Properties nobody reads, each with the reason why nothing is lost."""

_writing = threading.Lock()


class Watched(dict[str, Any]):
    """A mapping that notes which of its entries are read; copies share the notes."""

    def __init__(self, plain: dict[str, Any], read: set[str], path: str = "") -> None:
        super().__init__(
            {key: _watch(value, read, f"{path}{key}") for key, value in dict.items(plain)}
        )
        self._read, self._path = read, path

    def _note(self, key: object) -> None:
        self._read.add(f"{self._path}{key}")

    def __getitem__(self, key: str) -> Any:
        self._note(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self._note(key)
        return super().get(key, default)

    def pop(self, key: str, *default: Any) -> Any:
        self._note(key)
        return super().pop(key, *default)

    def items(self) -> Any:
        for key in dict.keys(self):
            self._note(key)
        return super().items()

    def values(self) -> Any:
        for key in dict.keys(self):
            self._note(key)
        return super().values()

    def __iter__(self) -> Iterator[str]:
        # Overridden so that dict(watched) and {**watched} read through __getitem__.
        return iter(list(dict.keys(self)))

    def copy(self) -> "Watched":
        return Watched(dict(dict.items(self)), self._read, self._path)

    def __deepcopy__(self, _memory: object) -> "Watched":
        return self.copy()


def watch_all(record: Path) -> None:
    """Audit every create and update of a stack from now on; findings go to `record`."""
    handlers = internals.member(
        internals.module("services.cloudformation.provisioners"), "_RESOURCE_HANDLERS"
    )
    for name, handler in handlers.items():
        if name.startswith("AWS::CloudFormation::"):
            continue
        if "create" in handler:
            handler["create"] = _created(name, handler["create"], record)
        if "update" in handler:
            handler["update"] = _updated(name, handler["update"], record)


def unread(name: str, properties: dict[str, Any], read: set[str]) -> list[str]:
    """Paths of a resource's properties that were neither read nor are a named exception."""
    return sorted(set(_unread(name, properties, read, "")))


def _unread(name: str, value: Any, read: set[str], path: str) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _unread(name, item, read, path)
    elif isinstance(value, dict):
        for key, item in dict.items(value):
            where = f"{path}{key}"
            if (name, where) in ACCEPTED:
                continue
            if where not in read:
                yield where
            elif (name, where) not in KEPT_WHOLE:
                yield from _unread(name, item, read, f"{where}.")


def _watch(value: Any, read: set[str], path: str) -> Any:
    if isinstance(value, dict):
        return Watched(value, read, f"{path}.")
    return [_watch(item, read, path) for item in value] if isinstance(value, list) else value


def _created(name: str, create: Callable[..., Any], record: Path) -> Callable[..., Any]:
    def call(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        read: set[str] = set()
        result = create(logical_id, Watched(properties, read), stack)
        _write(record, name, stack, logical_id, "create", unread(name, properties, read))
        return result

    return call


def _updated(name: str, update: Callable[..., Any], record: Path) -> Callable[..., Any]:
    def call(
        physical_id: str, old: dict[str, Any], new: dict[str, Any], stack: str, *logical_id: str
    ) -> Any:
        read: set[str] = set()
        result = update(physical_id, old, Watched(new, read), stack, *logical_id)
        # What did not change was audited when it was created.
        changed = {key: value for key, value in new.items() if old.get(key) != value}
        _write(
            record,
            name,
            stack,
            next(iter(logical_id), physical_id),
            "update",
            unread(name, changed, read),
        )
        return result

    return call


def _write(
    record: Path, name: str, stack: str, resource: str, operation: str, paths: list[str]
) -> None:
    if not paths:
        return
    line = {
        "stack": stack,
        "resource": resource,
        "type": name,
        "operation": operation,
        "account": internals.account(),
        "region": internals.region(),
        "unread": paths,
    }
    with _writing, record.open("a") as lines:
        lines.write(json.dumps(line) + "\n")
