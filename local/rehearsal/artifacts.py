"""Artifacts: zip files in the pipeline's bucket, under its key, read and written as who acts."""

import io
import os
import time
import uuid
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local.rehearsal.cloud import Actor
from local.rehearsal.errors import ActionFailedError
from local.rehearsal.state import Run


class Artifacts:
    """The artifact store of one run."""

    def __init__(self, pipeline: Mapping[str, Any], run: Run) -> None:
        self._name = pipeline["name"]
        store = pipeline["artifactStore"]
        self.bucket: str = store["location"]
        self._key: str | None = store.get("encryptionKey", {}).get("id")
        self._run = run

    def put(self, actor: Actor, name: str, data: bytes) -> str:
        """Store an artifact, and return its object's key. Raises ActionFailedError."""
        key = f"{self._name[:20]}/{name[:10]}/{uuid.uuid4().hex[:7]}"
        options = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self._key} if self._key else {}
        try:
            actor.client("s3").put_object(Bucket=self.bucket, Key=key, Body=data, **options)
        except ClientError as error:
            raise self._refused("written", name, error) from error
        self._run.artifacts[name] = key
        return key

    def get(self, actor: Actor, name: str) -> bytes:
        """Return an artifact. Raises ActionFailedError."""
        try:
            key = self._run.artifacts[name]
            found = actor.client("s3").get_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            raise self._refused("read", name, error) from error
        data: bytes = found["Body"].read()
        return data

    def member(self, actor: Actor, reference: str) -> str:
        """Return a file of an artifact, by "artifact::path". Raises ActionFailedError."""
        name, _, path = reference.partition("::")
        with zipfile.ZipFile(io.BytesIO(self.get(actor, name))) as archive:
            try:
                return archive.read(path).decode()
            except KeyError:
                raise ActionFailedError(f"The artifact {name} holds no {path}.") from None

    def _refused(self, done: str, name: str, error: ClientError) -> ActionFailedError:
        said = error.response["Error"]["Message"]
        return ActionFailedError(
            f"The artifact {name} can't be {done}: {said} (the bucket's policy, its key's policy "
            "and the role must all allow it; the pipeline's stack makes all three)"
        )


def unpack(data: bytes, folder: Path) -> None:
    """Unpack a zip file with its files' modes and times."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for entry in archive.infolist():
            path = Path(archive.extract(entry, folder))
            if mode := entry.external_attr >> 16 & 0o777:
                path.chmod(mode)
            at = time.mktime((*entry.date_time, 0, 0, -1))
            os.utime(path, (at, at))


def pack(folder: Path, wanted: Mapping[str, Any]) -> bytes:
    """Return what a buildspec's `artifacts` names as a zip file. Raises ActionFailedError."""
    base = folder / wanted.get("base-directory", ".")
    patterns: str | Sequence[str] = wanted.get("files", [])
    if not base.is_dir():
        raise ActionFailedError(f"The build left no folder {wanted['base-directory']!r}.")
    files: set[Path] = set()
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        found = base.rglob("*") if pattern == "**/*" else base.glob(pattern)
        files |= {file for file in found if file.is_file()}
    if not files:
        raise ActionFailedError(f"The build left none of the files {patterns!r}.")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for file in sorted(files):
            # What is packed already takes time to pack, and gets no smaller.
            stored = zipfile.ZIP_STORED if file.suffix == ".zip" else None
            archive.write(file, file.relative_to(base), stored)
    return packed.getvalue()
