"""What a cluster holds that is also something in AWS, and would be orphaned with it."""

import time
import urllib.error
from collections.abc import Iterator, Sequence
from typing import Any

from .kubernetes_api import KubernetesApi

POLL_SECONDS = 1
_KINDS = ("Ingress", "Service", "PersistentVolumeClaim")


def wait(api: KubernetesApi, namespaces: Sequence[str], deadline: float) -> str:
    """Return what is still there when the time is over, empty when nothing is."""
    while True:
        try:
            left = [found for namespace in namespaces for found in _remains(api, namespace)]
            left += _volumes(api)
        except OSError as error:
            left = [f"nobody knows: the API server can't be asked: {error}"]
        if not left:
            print("no load balancer and no volume is left")
            return ""
        if time.monotonic() > deadline:
            return (
                f"still there, and with the cluster gone nobody would delete it in AWS: "
                f"{'; '.join(left)}"
            )
        time.sleep(POLL_SECONDS)


def _remains(api: KubernetesApi, namespace: str) -> Iterator[str]:
    for kind in _KINDS:
        try:
            items = api.list(kind, namespace)
        except urllib.error.HTTPError as error:
            # A namespace that is gone takes along what let us read it.
            if error.code in (403, 404):
                continue
            raise
        for item in items:
            if kind != "Service" or item["spec"].get("type") == "LoadBalancer":
                yield _described(kind, item)


def _volumes(api: KubernetesApi) -> Iterator[str]:
    """Yield the volumes of whichever namespace: its driver deletes one before its object goes."""
    for item in api.list("PersistentVolume", ""):
        spec = item["spec"]
        # What is to be retained is kept by intent.
        if "csi" in spec and spec.get("persistentVolumeReclaimPolicy") == "Delete":
            claim = spec.get("claimRef", {})
            owner = f"{claim.get('namespace')}/{claim.get('name')}"
            yield f"PersistentVolume {item['metadata']['name']} of the claim {owner}"


def _described(kind: str, item: dict[str, Any]) -> str:
    metadata = item["metadata"]
    text = f"{kind} {metadata['namespace']}/{metadata['name']}"
    waits = metadata.get("finalizers", [])
    if metadata.get("deletionTimestamp") and waits:
        return f"{text} (deleted, waits for {', '.join(waits)})"
    return text
