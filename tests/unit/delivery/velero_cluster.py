"""A cluster whose Velero restores at once, and a bucket: for what no real one does on demand."""

import gzip
import io
import itertools
import json
import tarfile
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from delivery import velero
from delivery.changes import changed
from delivery.cluster import Cluster
from delivery.restored import DRILLED
from delivery.velero import GROUP

Object = dict[str, Any]
BUCKET = "backups"
CRON_JOB = f"apis/batch/v1/namespaces/{velero.NAMESPACE}/cronjobs/restore-drill"
_KINDS = {
    "items": [
        {
            "metadata": {},
            "versions": [
                {
                    "version": "v1",
                    "resources": [
                        {
                            "resource": "configmaps",
                            "scope": "Namespaced",
                            "verbs": ["create", "delete", "get", "list"],
                        }
                    ],
                }
            ],
        }
    ]
}


def config_map(name: str, namespace: str = "web", **data: str) -> Object:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def archive(items: Iterable[Object]) -> bytes:
    """Return a backup's file of ConfigMaps, as Velero writes it."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as file:
        for item in items:
            body = json.dumps(item).encode()
            space, name = item["metadata"]["namespace"], item["metadata"]["name"]
            info = tarfile.TarInfo(f"resources/configmaps/namespaces/{space}/{name}.json")
            info.size = len(body)
            file.addfile(info, io.BytesIO(body))
    return made.getvalue()


def at(**ago: float) -> str:
    """Return a time as Kubernetes writes it."""
    return f"{datetime.now(UTC) - timedelta(**ago):%Y-%m-%dT%H:%M:%SZ}"


class VeleroCluster:
    """Objects by their paths, and what Velero makes of Restores and DownloadRequests."""

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.files: dict[str, bytes] = {}
        """What was uploaded of backups and restores: "KIND/NAME"."""
        self.s3 = Bucket(self.files)
        self.restoring: Callable[[Object], None] = self.restore
        """What becomes of a new Restore."""
        self.deleting: Callable[[str], None] = lambda path: None
        """What happens as an object is deleted."""
        self._numbers = itertools.count()
        client = httpx.Client(transport=httpx.MockTransport(self._answer))
        self.cluster = Cluster(client)
        spec = {"objectStorage": {"bucket": BUCKET, "prefix": "velero"}}
        location = {"metadata": {"name": "default"}, "spec": spec, "status": {"phase": "Available"}}
        self.objects[f"{GROUP}/backupstoragelocations/default"] = location

    def back_up(
        self, name: str, items: Iterable[Object], *, phase: str = "Completed", **ago: float
    ) -> None:
        """Make a backup of all namespaces, so long ago."""
        metadata = {"name": name, "creationTimestamp": at(**ago)}
        status = {"phase": phase, "startTimestamp": at(**ago), "completionTimestamp": at(**ago)}
        spec = {"includedNamespaces": ["*"], "storageLocation": "default"}
        backup = {"kind": "Backup", "metadata": metadata, "spec": spec, "status": status}
        self.objects[f"{GROUP}/backups/{name}"] = backup
        self.files[f"BackupContents/{name}"] = archive(items)

    def restore(self, restore: Object, *, without: str | None = None) -> None:
        """Restore all but one object, with a drill's changes."""
        spec = restore["spec"]
        mapping = spec["namespaceMapping"]
        number = 0
        body = gzip.decompress(self.files[f"BackupContents/{spec['backupName']}"])
        with tarfile.open(fileobj=io.BytesIO(body)) as file:
            for member in file:
                item = json.load(file.extractfile(member) or io.BytesIO())
                space, name = item["metadata"]["namespace"], item["metadata"]["name"]
                if space in spec["includedNamespaces"] and name != without:
                    target = f"api/v1/namespaces/{mapping.get(space, space)}"
                    self.objects[target] = {"metadata": {}}
                    made = changed("configmaps", item, DRILLED)
                    self.objects[f"{target}/configmaps/{name}"] = made
                    number += 1
        restore["status"] = {"phase": "Completed", "progress": {"itemsRestored": number}}

    def left(self) -> set[str]:
        """Return what is there of drills, but for what tells of them."""
        return {
            path
            for path in self.objects
            if ("drill" in path or "downloadrequests" in path)
            and path != CRON_JOB
            and "/events/" not in path
        }

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.lstrip("/")
        if request.method == "POST":
            return self._create(path, json.loads(request.content))
        if request.method == "DELETE":
            return self._delete(path, request.content)
        if path in ("api", "apis"):
            return httpx.Response(200, json=_KINDS if path == "api" else {"items": []})
        if path in self.objects:
            return httpx.Response(200, json=self.objects[path])
        items = [one for name, one in self.objects.items() if name.rpartition("/")[0] == path]
        return httpx.Response(200, json={"items": items}) if items else _status(404)

    def _create(self, collection: str, item: Object) -> httpx.Response:
        number = next(self._numbers)
        metadata = item["metadata"]
        metadata.setdefault("name", f"{metadata.get('generateName')}{number}")
        metadata |= {"uid": str(number), "creationTimestamp": at()}
        path = f"{collection}/{metadata['name']}"
        if path in self.objects:
            return _status(409)
        self.objects[path] = item
        if collection == f"{GROUP}/restores":
            self.restoring(item)
        if collection == f"{GROUP}/downloadrequests":
            target = item["spec"]["target"]
            item["status"] = {"downloadURL": f"https://s3/{target['kind']}/{target['name']}"}
        return httpx.Response(201, json=item)

    def _delete(self, path: str, content: bytes) -> httpx.Response:
        if path not in self.objects:
            return _status(404)
        wanted = json.loads(content)["preconditions"]["uid"] if content else None
        if wanted and wanted != self.objects[path]["metadata"]["uid"]:
            return _status(409)
        self.deleting(path)
        for one in [name for name in self.objects if f"{name}/".startswith(f"{path}/")]:
            del self.objects[one]
        return httpx.Response(200, json={})

    def download(self, url: str, **_: object) -> httpx.Response:
        """Answer as S3 does to what Velero has signed; in place of httpx.get."""
        file = self.files.get(url.removeprefix("https://s3/"))
        request = httpx.Request("GET", url)
        return httpx.Response(200 if file else 404, content=file or b"", request=request)


def _status(code: int) -> httpx.Response:
    return httpx.Response(code, json={"message": f"It says {code}."})


class Bucket:
    """The clients of S3 and CloudWatch in one: backups, and what was published."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self._files = files
        self.metrics: list[float] = []
        self.reports: list[Object] = []

    def get_object(self, *, Bucket: str, Key: str) -> Object:
        name = Key.rpartition("/")[2].removesuffix(".tar.gz")
        return {"Body": io.BytesIO(self._files[f"BackupContents/{name}"])}

    def put_metric_data(self, *, Namespace: str, MetricData: list[Object]) -> None:
        self.metrics += [one["Value"] for one in MetricData]

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> None:
        self.reports.append(json.loads(Body))
