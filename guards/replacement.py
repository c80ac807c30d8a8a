"""What an update would replace or drop although it holds data."""

from collections.abc import Iterator, Mapping
from typing import Any

from guards.accepted import ACCEPTED
from guards.assembly import Templates, exports, references, resources
from guards.objects import applied, place
from guards.schemas import create_only, holding_data

KINDS = ("Namespace", "PersistentVolume", "PersistentVolumeClaim", "StatefulSet")
"""Kubernetes objects that hold data, or whose deletion takes along what does."""

_Key = tuple[str, str]


class Update:
    """The update of an environment from old templates to new ones."""

    def __init__(self, old: Templates, new: Templates) -> None:
        self._old = {(stack, name): resource for stack, name, resource in resources(old)}
        self._new = {(stack, name): resource for stack, name, resource in resources(new)}
        self._exports = exports(new)
        self._known: dict[_Key, str | None] = {}

    def problems(self, accepted: Mapping[str, str] = ACCEPTED) -> Iterator[str]:
        """Yield a sentence for each resource that would lose what it holds."""
        for key in sorted(self._old):
            if "/".join(key) in accepted or not holds_data(self._old[key]):
                continue
            if why := self._why(key) or self._dropped(key):
                stack, name = key
                yield (
                    f"{stack}: {name} ({self._old[key]['Type']}) holds data, and {why}; put it "
                    f"back, or write in guards/accepted.py why {stack}/{name} may go"
                )

    def replaced(self) -> Iterator[str]:
        """Yield a sentence for each resource that lives on in the template, as another."""
        for stack, name in sorted(self._old.keys() & self._new.keys()):
            if why := self._why((stack, name)):
                yield f"{stack}: {name} ({self._old[stack, name]['Type']}): {why}"

    def _why(self, key: _Key) -> str | None:
        """Return why the resource doesn't live on; None when it does."""
        if key not in self._known:
            self._known[key] = None  # for those that refer to each other
            self._known[key] = self._compared(key)
        return self._known[key]

    def _compared(self, key: _Key) -> str | None:
        old, new = self._old.get(key), self._new.get(key)
        if old is None:
            return None
        if new is None:
            return "it is no longer in the template"
        if old["Type"] != new["Type"]:
            return f"it becomes {new['Type']}"
        if old == new and not any(self._touched(target) for target in self._targets(key)):
            return None
        for path in sorted(create_only(old["Type"])):
            before, after = _at(old, path), _at(new, path)
            if before != after:
                return f"its {path} changes, which replaces it"
            for target in references(after, key[0], self._exports):
                if self._why(target):
                    return f"its {path} refers to {target[1]}, which is replaced"
        return None

    def _targets(self, key: _Key) -> Iterator[_Key]:
        return references(self._new[key].get("Properties", {}), key[0], self._exports)

    def _touched(self, key: _Key) -> bool:
        """Say whether anything about a resource could make what refers to it be replaced."""
        return key in self._old and self._why(key) is not None

    def _dropped(self, key: _Key) -> str | None:
        """Return which Kubernetes objects an applied manifest would no longer hold."""
        gone = _objects(self._old[key]) - _objects(self._new[key])
        if not gone:
            return None
        return f"it would no longer hold {', '.join(sorted(gone))}"


def holds_data(resource: Mapping[str, Any]) -> bool:
    """Say whether a resource holds what can't be had again."""
    if resource["Type"] == "AWS::Logs::LogGroup":
        # One that goes with its stack is nobody's memory.
        return bool(resource.get("DeletionPolicy") != "Delete")
    return resource["Type"] in holding_data() or bool(_objects(resource))


def _objects(resource: Mapping[str, Any]) -> set[str]:
    """Return the objects of an applied manifest that hold data."""
    return {f"{item['kind']}/{place(item)}" for item in applied(resource) if item["kind"] in KINDS}


def _at(resource: Mapping[str, Any], path: str) -> Any:
    value: Any = resource.get("Properties", {})
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value
