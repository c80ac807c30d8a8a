"""What a backup holds, as Velero wrote it to its bucket, and how objects are compared."""

import gzip
import io
import json
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from delivery.cluster import Object
from delivery.velero import VeleroError

# Set by the API server, and by Velero to what it restores.
_SERVERS = (
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "generation",
    "managedFields",
    "selfLink",
)
# A list's items have no kind; a status is for who it is about.
_APART = ("apiVersion", "kind", "metadata", "status")
EXCLUDED_LABEL = "velero.io/exclude-from-backup"
_VELEROS = "velero.io/"
_WRITTEN = (
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/revision",
)


@dataclass(frozen=True, kw_only=True, order=True)
class Kind:
    """Which kind: "deployments.apps" of apps/v1."""

    resource: str
    version: str

    def path(self, namespace: str) -> str:
        """Return the path of a namespace's objects."""
        root = f"apis/{self.version}" if "/" in self.version else f"api/{self.version}"
        return f"{root}/namespaces/{namespace}/{self.resource.partition('.')[0]}"


@dataclass(frozen=True, kw_only=True)
class Key:
    """Which object: of a kind, in a namespace, by its name."""

    kind: Kind
    namespace: str
    name: str

    @property
    def resource(self) -> str:
        return self.kind.resource

    def __str__(self) -> str:
        return f"{self.resource} {self.namespace}/{self.name}"


Contents = Mapping[Key, Object]


def read(s3: Any, location: Object, backup: str) -> Contents:
    """Return the namespaced objects of a backup. Raises VeleroError."""
    storage = location["spec"]["objectStorage"]
    prefix = storage.get("prefix", "").strip("/")
    name = f"{prefix}/backups/{backup}/{backup}.tar.gz".lstrip("/")
    try:
        body = s3.get_object(Bucket=storage["bucket"], Key=name)["Body"].read()
    except (BotoCoreError, ClientError, OSError) as error:
        raise VeleroError(f"The backup {backup} can't be read ({name}): {error}") from error
    return unpack(body, backup)


def unpack(body: bytes, backup: str) -> Contents:
    """Return the namespaced objects of a backup's file. Raises VeleroError."""
    try:
        return dict(_unpacked(body))
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError) as error:
        why = str(error).rstrip(".")
        raise VeleroError(f"The backup {backup} is damaged: {why}.") from error


def _unpacked(body: bytes) -> Iterator[tuple[Key, Object]]:
    with (
        gzip.open(io.BytesIO(body)) as stream,
        tarfile.open(fileobj=stream, mode="r:") as archive,
    ):
        for member in archive:
            # resources/RESOURCE/namespaces/NAMESPACE/NAME.json, once more for each version.
            parts = member.name.removeprefix("./").split("/")
            if len(parts) != 5 or (parts[0], parts[2]) != ("resources", "namespaces"):
                continue
            file = archive.extractfile(member)
            if file is None:
                continue
            item = _object(file.read(), member.name)
            kind = Kind(resource=parts[1], version=item["apiVersion"])
            yield Key(kind=kind, namespace=parts[3], name=item["metadata"]["name"]), item
        # An archive that is damaged may end early, and quietly: the checksum at the end tells.
        while stream.read(2**20):
            pass


def _object(text: bytes, name: str) -> Object:
    """Return an object that a file holds. Raises ValueError."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{name} can't be read: {error}") from error
    match found:
        case {"apiVersion": str(), "metadata": {"name": str()}}:
            item: Object = found
            return item
    raise ValueError(f"{name} holds no object")


def comparable(item: Object) -> Object:
    """Return what whoever made an object said of it, without what servers set."""
    metadata = {k: v for k, v in item["metadata"].items() if k not in (*_SERVERS, "namespace")}
    for field in ("labels", "annotations"):
        kept = {
            k: v
            for k, v in metadata.get(field, {}).items()
            if not k.startswith(_VELEROS) and k not in _WRITTEN
        }
        metadata.pop(field, None)
        if kept:
            metadata[field] = kept
    # Owners and finalizers are of the cluster that it was in.
    metadata.pop("ownerReferences", None)
    metadata.pop("finalizers", None)
    rest = {k: v for k, v in item.items() if k not in _APART}
    return {**rest, "metadata": metadata}


def differences(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of the fields in which two values differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted(set(one) | set(other)):
            yield from differences(one.get(name), other.get(name), f"{path}.{name}".lstrip("."))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, (a, b) in enumerate(zip(one, other, strict=True)):
            yield from differences(a, b, f"{path}[{number}]")
    elif one != other:
        yield path
