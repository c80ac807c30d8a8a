"""What was restored against what a backup holds, object by object."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from delivery import contents
from delivery.changes import Change, changed
from delivery.cluster import Cluster, Object
from delivery.contents import Contents, Kind

# What every namespace gets of its own accord.
_OWN = (("configmaps", "kube-root-ca.crt"), ("serviceaccounts", "default"))
# Of the volume that a claim was bound to.
_BOUND = ("pv.kubernetes.io/", "volume.kubernetes.io/", "volume.beta.kubernetes.io/")
_SHOWN = 5


def compared(held: Contents, namespaces: Collection[str], *, without: Collection[str]) -> Contents:
    """Return what of a backup is to be there after a restore without some kinds."""
    return {
        key: item
        for key, item in held.items()
        if key.namespace in namespaces
        and key.resource not in without
        and (key.resource, key.name) not in _OWN
    }


def apart(
    cluster: Cluster,
    held: Contents,
    namespaces: Mapping[str, str],
    changes: Sequence[Change],
) -> Iterator[str]:
    """Yield a sentence for each object that isn't there as it was, but for these changes.

    `namespaces` says into which each namespace was restored.
    """
    found: dict[tuple[Kind, str], dict[str, Object]] = {}
    for key, item in held.items():
        target = namespaces[key.namespace]
        place = (key.kind, target)
        if place not in found:
            items = cluster.items(key.kind.path(target))
            found[place] = {one["metadata"]["name"]: one for one in items}
        restored = found[place].get(key.name)
        if restored is None:
            yield f"{key} was not restored."
            continue
        wanted = changed(key.resource, _moved(key.resource, item, namespaces), changes)
        paths = list(
            contents.differences(_given(key.resource, wanted), _given(key.resource, restored))
        )
        if paths:
            yield f"{key} differs in {', '.join(paths[:_SHOWN])}."


def _moved(resource: str, item: Object, namespaces: Mapping[str, str]) -> Object:
    """Return it as Velero moves it to another namespace: a binding's accounts move along."""
    if resource != "rolebindings.rbac.authorization.k8s.io" or "subjects" not in item:
        return item
    subjects = [
        {**one, "namespace": namespaces.get(one["namespace"], one["namespace"])}
        if "namespace" in one
        else one
        for one in item["subjects"]
    ]
    return {**item, "subjects": subjects}


def _given(resource: str, item: Object) -> Object:
    """Return what was said of an object, without what a server gives to each anew."""
    said = contents.comparable(item)
    if resource == "serviceaccounts":
        said.pop("secrets", None)
    if resource == "persistentvolumeclaims":
        said["spec"] = {k: v for k, v in said["spec"].items() if k != "volumeName"}
        annotations = said["metadata"].pop("annotations", {})
        if kept := {k: v for k, v in annotations.items() if not k.startswith(_BOUND)}:
            said["metadata"]["annotations"] = kept
    if resource == "services":
        spec = said["spec"] = {k: v for k, v in said["spec"].items() if k != "healthCheckNodePort"}
        if spec.get("clusterIP") != "None":
            spec.pop("clusterIP", None)
            spec.pop("clusterIPs", None)
        ports = spec.get("ports", [])
        spec["ports"] = [{k: v for k, v in port.items() if k != "nodePort"} for port in ports]
    return said
