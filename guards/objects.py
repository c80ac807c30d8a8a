"""The Kubernetes objects that templates apply."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from guards.assembly import Templates, resources

Object = Mapping[str, Any]
_MANIFEST = "Custom::AWSCDK-EKS-KubernetesResource"


def objects(templates: Templates) -> Iterator[tuple[str, Object]]:
    """Yield each object, and the stack that applies it."""
    for stack, _, resource in resources(templates):
        for item in applied(resource):
            yield stack, item


def applied(resource: Mapping[str, Any]) -> Sequence[Object]:
    """Return the objects of a manifest, none of any other resource.

    A reference in it is its own name.
    """
    if resource["Type"] != _MANIFEST:
        return []
    found: Sequence[Object] = json.loads(_plain(resource["Properties"]["Manifest"]))
    return found


def place(item: Object) -> str:
    """Return an object's namespace, if it has one, and its name."""
    metadata = item["metadata"]
    return "/".join(filter(None, (metadata.get("namespace"), metadata["name"])))


def _plain(manifest: Any) -> str:
    if isinstance(manifest, str):
        return manifest
    separator, parts = manifest["Fn::Join"]
    texts = (p if isinstance(p, str) else re.sub(r'["\\{}]', "", json.dumps(p)) for p in parts)
    return str(separator).join(texts)
