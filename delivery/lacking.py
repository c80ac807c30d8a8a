"""What was in a namespace when a backup was made, and isn't in the backup."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from delivery import contents, velero
from delivery.cluster import Cluster, Object
from delivery.contents import Contents, Kind

# Every kind in one answer, also those of an API whose server is away just then.
_KINDS = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_BACKED_UP = {"create", "delete", "get", "list"}
"""What a kind must allow for Velero to back it up. Source: pkg/discovery of Velero."""
_EVENTS = ("events", "events.events.k8s.io")
"""Two names for the same, of which Velero takes one; and they go by themselves."""


def lacking(
    cluster: Cluster,
    backup: Object,
    held: Contents,
    namespaces: Sequence[str],
) -> Iterator[str]:
    """Yield a sentence for each object of these namespaces."""
    name = backup["metadata"]["name"]
    started = velero.moment(backup["status"]["startTimestamp"])
    left_out = {*_EVENTS, *velero.DERIVED}
    wanted = [kind for kind in kinds(cluster) if kind.resource not in left_out]
    for namespace in namespaces:
        mine = {(key.resource, key.name) for key in held if key.namespace == namespace}
        if not mine:
            yield f"The backup {name} is empty: it holds nothing of {namespace}."
            continue
        for kind in wanted:
            for item in cluster.items(kind.path(namespace)):
                metadata = item["metadata"]
                if (kind.resource, metadata["name"]) not in mine and _was_to_be(metadata, started):
                    yield (
                        f"The backup {name} lacks {kind.resource} {namespace}/{metadata['name']}, "
                        "which was there when it was made."
                    )


def _was_to_be(metadata: Object, started: datetime) -> bool:
    """Whether an object was there and Velero was to back it up: not what is on its way out."""
    left_out = metadata.get("labels", {}).get(contents.EXCLUDED_LABEL) == "true"
    there = velero.moment(metadata["creationTimestamp"]) < started
    return there and not left_out and "deletionTimestamp" not in metadata


def kinds(cluster: Cluster) -> Sequence[Kind]:
    """Return the namespaced kinds that Velero backs up, each in its preferred version."""
    found: dict[str, Kind] = {}
    for root in ("api", "apis"):
        for group in cluster.get(root, accept=_KINDS)["items"]:
            name = group["metadata"].get("name", "")
            for version in group["versions"]:
                for one in version.get("resources", []):
                    resource = ".".join(filter(None, (one["resource"], name)))
                    fits = one["scope"] == "Namespaced" and _BACKED_UP.issubset(one["verbs"])
                    if fits and resource not in found:
                        full = "/".join(filter(None, (name, version["version"])))
                        found[resource] = Kind(resource=resource, version=full)
    return sorted(found.values())
