"""What is changed in what is restored: told to Velero, and so expected of what it restored."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from delivery import velero
from delivery.cluster import Object

CONFIG_MAPS = f"api/v1/namespaces/{velero.NAMESPACE}/configmaps"


@dataclass(frozen=True, kw_only=True)
class Change:
    """A merge patch (RFC 7386) of a kind's objects: of all, or of those that the rest fits."""

    resource: str
    patch: Object
    names: Sequence[str] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    spec: Mapping[str, str] = field(default_factory=dict)
    """Fields of the object's spec, which Velero looks at as they were in the backup."""

    def fits(self, resource: str, item: Object) -> bool:
        labels = item["metadata"].get("labels", {})
        return (
            resource == self.resource
            and (not self.names or item["metadata"]["name"] in self.names)
            and self.labels.items() <= labels.items()
            and all(item.get("spec", {}).get(name) == value for name, value in self.spec.items())
        )

    def rule(self) -> Object:
        """Return it as one of Velero's resource modifiers."""
        conditions: Object = {"groupResource": self.resource}
        if self.names:
            conditions["resourceNameRegex"] = f"^({'|'.join(map(re.escape, self.names))})$"
        if self.labels:
            conditions["labelSelector"] = {"matchLabels": dict(self.labels)}
        if self.spec:
            conditions["matches"] = [
                {"path": f"/spec/{name}", "value": value} for name, value in self.spec.items()
            ]
        return {
            "conditions": conditions,
            "mergePatches": [{"patchData": json.dumps(self.patch)}],
        }


def modifier(name: str, changes: Sequence[Change]) -> Object:
    """Return the ConfigMap that tells Velero what to change."""
    rules = {"version": "v1", "resourceModifierRules": [change.rule() for change in changes]}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": velero.NAMESPACE},
        "data": {"rules.yaml": json.dumps(rules)},
    }


def changed(resource: str, item: Object, changes: Sequence[Change]) -> Object:
    """Return what Velero makes of an object."""
    made = item
    for change in changes:
        if change.fits(resource, item):
            made = _merged(made, change.patch)
    return made


def _merged(value: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    kept = dict(value) if isinstance(value, dict) else {}
    for name, part in patch.items():
        if part is None:
            kept.pop(name, None)
        else:
            kept[name] = _merged(kept.get(name), part)
    return kept
