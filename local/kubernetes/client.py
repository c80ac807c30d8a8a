"""A small client of one API server: requests in JSON, authenticated by a client certificate."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from local.kubernetes.errors import ApiError, UnreachableError

__all__ = ["ApiError", "Client", "Object", "UnreachableError", "object_path"]

Object = dict[str, Any]

FIELD_MANAGER = "mindforce-local"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

_PATHS: Mapping[str, tuple[str, bool]] = {
    "Namespace": ("api/v1/namespaces", False),
    "Node": ("api/v1/nodes", False),
    "Service": ("api/v1/services", True),
    "ServiceAccount": ("api/v1/serviceaccounts", True),
    "Pod": ("api/v1/pods", True),
    "DaemonSet": ("apis/apps/v1/daemonsets", True),
    "Deployment": ("apis/apps/v1/deployments", True),
    "PodDisruptionBudget": ("apis/policy/v1/poddisruptionbudgets", True),
    "CSIDriver": ("apis/storage.k8s.io/v1/csidrivers", False),
    "ClusterRole": ("apis/rbac.authorization.k8s.io/v1/clusterroles", False),
    "APIService": ("apis/apiregistration.k8s.io/v1/apiservices", False),
    "CustomResourceDefinition": (
        "apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        False,
    ),
}
"""Kind → collection and whether it is namespaced, for the kinds this package writes."""


class Client:
    """Speaks to one API server; safe for use by several threads, a connection a request.

    Raises ApiError for an answer of 400 and above, UnreachableError when there is none.
    """

    def __init__(
        self, endpoint: str, pki: Path, *, user: str = "admin", timeout: float = 10.0
    ) -> None:
        self._address = urllib.parse.urlsplit(endpoint).netloc
        self._timeout = timeout
        self._context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        self._context.load_cert_chain(pki / f"{user}.crt", pki / f"{user}.key")

    def get(self, path: str, **query: str) -> Object:
        """Read an object or a list."""
        return self.request("GET", path, query=query)

    def find(self, path: str, **query: str) -> Object | None:
        """Read an object, or None when there is none."""
        try:
            return self.get(path, **query)
        except ApiError as error:
            if error.status == http.HTTPStatus.NOT_FOUND:
                return None
            raise

    def watch(self, path: str, **query: str) -> Iterator[Object]:
        """Yield the events of a collection until the server ends the watch (timeoutSeconds)."""
        target = f"/{path}?{urllib.parse.urlencode({**query, 'watch': 'true'})}"
        connection = self._connection(timeout=self._timeout + float(query["timeoutSeconds"]))
        try:
            connection.request("GET", target, headers={"Accept": "application/json"})
            response = connection.getresponse()
            if response.status >= http.HTTPStatus.BAD_REQUEST:
                raise ApiError(response.status, f"GET {target}: {response.reason}")
            for line in response:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise ApiError(event["object"]["code"], f"GET {target}: {event['object']}")
                yield event
        except (http.client.HTTPException, OSError) as error:
            raise UnreachableError(f"GET {self._address}{target}: {error!r}") from error
        finally:
            connection.close()

    def apply(self, item: Object) -> Object:
        """Create or update an object by server-side apply."""
        return self.request(
            "PATCH",
            object_path(item),
            query={"fieldManager": FIELD_MANAGER, "force": "true"},
            body=item,
            content_type=APPLY_PATCH,
        )

    def delete(self, path: str, *, now: bool = False) -> None:
        """Delete an object, by `now` without a grace period; fine when it isn't there."""
        options: Object = {"propagationPolicy": "Background"}
        if now:
            options["gracePeriodSeconds"] = 0
        try:
            self.request("DELETE", path, body=options)
        except ApiError as error:
            if error.status != http.HTTPStatus.NOT_FOUND:
                raise

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Object:
        """Send one request and return the decoded answer; a plain-text answer comes as `text`."""
        target = f"/{path}" + (f"?{urllib.parse.urlencode(query)}" if query else "")
        connection = self._connection(timeout=self._timeout)
        try:
            connection.request(
                method,
                target,
                body=None if body is None else json.dumps(body),
                headers={"Content-Type": content_type, "Accept": accept},
            )
            response = connection.getresponse()
            content = response.read()
        except (http.client.HTTPException, OSError) as error:
            raise UnreachableError(f"{method} {self._address}{target}: {error!r}") from error
        finally:
            connection.close()
        answer: Object
        if response.headers.get_content_type() == "application/json":
            answer = json.loads(content)
        else:
            answer = {"text": content.decode(errors="replace")}
        if response.status >= http.HTTPStatus.BAD_REQUEST:
            words = answer.get("message") or answer.get("text") or response.reason
            raise ApiError(response.status, f"{method} {target}: {words}")
        return answer

    def _connection(self, *, timeout: float) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(self._address, timeout=timeout, context=self._context)


def object_path(item: Object) -> str:
    """Return an object's path on the server; KeyError for a kind this package doesn't write."""
    collection, namespaced = _PATHS[item["kind"]]
    metadata = item["metadata"]
    if namespaced:
        group, _, plural = collection.rpartition("/")
        collection = f"{group}/namespaces/{metadata['namespace']}/{plural}"
    return f"{collection}/{metadata['name']}"
