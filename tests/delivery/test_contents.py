"""What counts as the same object, and what a backup's file is read as."""

import gzip
import io
import json
import random
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


def _backup() -> bytes:
    """A backup of some size, which compression leaves as it is."""
    noise = random.Random(1)
    path = "resources/deployments.apps/namespaces/web"
    items = {f"{path}/{n}.json": _item(spec={"n": noise.random()}) for n in range(50)}
    return _archive(**items)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.6, 0.99])
def test_a_backup_that_is_cut_off_is_said_to_be_damaged(share: float) -> None:
    body = _backup()
    with pytest.raises(VeleroError, match=r"^The backup a is damaged: .*[a-z]\.$"):
        contents.unpack(body[: int(len(body) * share)], "a")


def test_a_backup_of_which_a_byte_has_changed_is_said_to_be_damaged() -> None:
    body = _backup()
    for place in range(20, len(body), len(body) // 200):
        other = bytearray(body)
        other[place] ^= 1
        with pytest.raises(VeleroError, match="The backup a is damaged: "):
            contents.unpack(bytes(other), "a")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"{", "can't be read: Expecting property name"),
        (b"\xff", "can't be read: 'utf-8' codec can't decode"),
        (b"[]", "holds no object"),
        (b'{"apiVersion": "v1", "metadata": null}', "holds no object"),
        (b'{"metadata": {"name": "one"}}', "holds no object"),
    ],
)
def test_a_member_that_is_no_object_is_named(text: bytes, said: str) -> None:
    name = "resources/configmaps/namespaces/web/one.json"
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(text)
        archive.addfile(info, io.BytesIO(text))
    with pytest.raises(VeleroError, match=f"^The backup a is damaged: {name} {said}"):
        contents.unpack(made.getvalue(), "a")


def test_an_archive_that_ends_early_is_no_backup_though_what_is_left_can_be_read() -> None:
    """As where a bit of a header has changed: whoever reads tar takes that for its end."""
    tar = bytearray(gzip.decompress(_backup()))
    # The checksum of the third member's header, each member being a header and a block.
    tar[4 * 512 + 148] ^= 1
    compressed = gzip.compress(bytes(tar))
    # And the checksum of all, which is that of the archive as it was.
    right = _backup()[-8:]
    with pytest.raises(VeleroError, match="The backup a is damaged: CRC check failed"):
        contents.unpack(compressed[:-8] + right, "a")


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
