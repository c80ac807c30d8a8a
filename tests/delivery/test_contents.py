"""What counts as the same object, and what a backup's file is read as."""

import io
import json
import tarfile
from typing import Any

import pytest

from delivery import contents
from delivery.velero import VeleroError

LOCATION = {"spec": {"objectStorage": {"bucket": "b", "prefix": "velero"}}}


class Bucket:
    """An S3 client that has one object."""

    def __init__(self, key: str, body: bytes) -> None:
        self._held = {key: body}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(self._held[Key])}


def _archive(**files: Any) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, item in files.items():
            body = json.dumps(item).encode()
            info = tarfile.TarInfo(name.replace("__", "/"))
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return made.getvalue()


def _item(**more: Any) -> dict[str, Any]:
    metadata = {"name": "one", "namespace": "web", "uid": "1", "resourceVersion": "2"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, **more}


def test_objects_are_read_by_where_they_belong() -> None:
    path = "resources/deployments.apps/namespaces/web/one.json"
    preferred = "resources/deployments.apps/v1-preferredversion/namespaces/web/one.json"
    body = _archive(**{path: _item(), preferred: _item(), "metadata/version": "1.1.0"})
    held = contents.read(Bucket("velero/backups/a/a.tar.gz", body), LOCATION, "a")
    (key,) = held
    assert str(key) == "deployments.apps web/one"
    assert key.kind.path("drill-web") == "apis/apps/v1/namespaces/drill-web/deployments"


def test_a_file_that_is_no_backup_is_said_to_be_damaged() -> None:
    with pytest.raises(VeleroError, match="The backup a is damaged"):
        contents.read(Bucket("velero/backups/a/a.tar.gz", b"x"), LOCATION, "a")


def test_what_servers_set_makes_no_difference_and_all_else_does() -> None:
    one = _item(spec={"replicas": 1, "list": [{"a": 1}]}, status={"replicas": 1})
    other = _item(spec={"replicas": 1, "list": [{"a": 1}]})
    other["metadata"] = {
        "name": "one",
        "namespace": "drill-web",
        "uid": "9",
        "labels": {"velero.io/restore-name": "x"},
    }
    del other["apiVersion"], other["kind"]

    def apart() -> list[str]:
        return list(contents.differences(contents.comparable(one), contents.comparable(other)))

    assert apart() == []
    other["spec"]["list"][0]["a"] = 2
    other["metadata"]["labels"]["app"] = "x"
    assert apart() == ["metadata.labels", "spec.list[0].a"]
    other["spec"]["list"].append({})
    assert "spec.list" in apart()
