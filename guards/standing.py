"""What an update can't do, or may not, to Kubernetes objects that stand."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from guards.accepted import ACCEPTED
from guards.assembly import Templates, resources
from guards.objects import Object, applied, objects, place
from guards.replacement import KINDS

_IMMUTABLE: Mapping[str, Sequence[str]] = {
    "StatefulSet": (
        *("spec.volumeClaimTemplates", "spec.serviceName"),
        *("spec.selector", "spec.podManagementPolicy"),
    ),
    "Deployment": ("spec.selector",),
    "DaemonSet": ("spec.selector",),
    "Job": ("spec.template", "spec.selector", "spec.completions", "spec.completionMode"),
    "StorageClass": ("provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"),
    "PriorityClass": ("value", "preemptionPolicy"),
    "RoleBinding": ("roleRef",),
    "ClusterRoleBinding": ("roleRef",),
}
"""Fields that the API server takes at creation only."""
_PRUNED = frozenset(
    {
        *("ConfigMap", "Endpoints", "Pod", "ReplicationController", "Secret", "Service"),
        *("Job", "CronJob", "Ingress", "DaemonSet", "Deployment", "ReplicaSet"),
    }
)
"""What `kubectl apply --prune` looks for unless told otherwise, and CDK's handler tells it nothing;
beside what holds data, which guards.replacement knows."""


def problems(
    old: Templates, new: Templates, accepted: Mapping[str, str] = ACCEPTED
) -> Iterator[str]:
    """Yield a sentence for each object that an update would fail at, break, or leave behind."""
    before, after = _by_name(old), _by_name(new)
    for name in sorted(before.keys() & after.keys()):
        (stack, was), (_, becomes) = before[name], after[name]
        if f"{stack}/{name}" not in accepted:
            yield from _unchangeable(stack, name, was, becomes)
            yield from _other_replicas(stack, name, was, becomes)
    yield from _left(old, new, accepted)


def _unchangeable(stack: str, name: str, was: Object, becomes: Object) -> Iterator[str]:
    for field in _IMMUTABLE.get(was["kind"], ()):
        if _at(was, field) == _at(becomes, field):
            continue
        if field == "spec.volumeClaimTemplates":
            way = "do as docs/grow-volumes.md says"
        else:
            way = "give it another name, or delete it by hand before the deploy"
        yield (
            f"{stack}: {name} can't change its {field} while it stands, and the deploy would "
            f"fail; put it back, or {way} and write in guards/accepted.py why {stack}/{name} may "
            f"change"
        )


def _other_replicas(stack: str, name: str, was: Object, becomes: Object) -> Iterator[str]:
    """Yield why what holds data can't have another number of replicas: those that are too many end
    at once, in a roll-back of a growth, too."""
    if was["kind"] != "StatefulSet":
        return
    had, gets = (item["spec"].get("replicas", 1) for item in (was, becomes))
    where = f"{stack}: {name} would go from {had} to {gets} replicas"
    accept = f"write in guards/accepted.py why {stack}/{name} may change"
    if gets < had:
        yield (
            f"{where}, and all that are too many would end at once, a primary among them; put it "
            f"back, or do as docs/change-members.md says and {accept}"
        )
    elif gets > had and _at(was, "spec.template") != _at(becomes, "spec.template"):
        yield (
            f"{where} and change its pods, so that a roll-back could end a primary with all "
            f"others; deploy one after the other, or {accept}"
        )


def _left(old: Templates, new: Templates, accepted: Mapping[str, str]) -> Iterator[str]:
    before, after = _by_name(old), _by_name(new)
    kept = {(stack, key): resource for stack, key, resource in resources(new)}
    for stack, key, resource in resources(old):
        # The objects of a manifest that goes are deleted by their names.
        if (stack, key) not in kept:
            continue
        for item in applied(resource):
            name, space = _name(item), item["metadata"].get("namespace")
            # A namespace takes along what is in it.
            gone = f"Namespace/{space}" in before and f"Namespace/{space}" not in after
            pruned = "PruneLabel" in kept[stack, key]["Properties"] and item["kind"] in _PRUNED
            idle = item["kind"] in KINDS or _opens_nothing(item)
            if name in after or gone or pruned or idle or f"{stack}/{name}" in accepted:
                continue
            yield (
                f"{stack}: {name} leaves the manifest {key}, and nothing would delete it in the "
                f"cluster; put it back, or delete it there by hand and write in "
                f"guards/accepted.py why {stack}/{name} may go"
            )


def _opens_nothing(item: Object) -> bool:
    """Say whether a right is nobody's by itself: without a binding, or of a group, whose members
    come from the table of people (docs/decisions/0008)."""
    if item["kind"] in ("Role", "ClusterRole"):
        return True
    subjects = item.get("subjects", ())
    return bool(subjects) and all(subject["kind"] == "Group" for subject in subjects)


def _by_name(templates: Templates) -> Mapping[str, tuple[str, Object]]:
    """Return each object and its stack, by kind and place."""
    return {_name(item): (stack, item) for stack, item in objects(templates)}


def _name(item: Object) -> str:
    return f"{item['kind']}/{place(item)}"


def _at(item: Object, path: str) -> Any:
    value: Any = item
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
