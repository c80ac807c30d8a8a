"""What the Secrets Store CSI driver does for a pod of a program that really runs here."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

from local.kubernetes.addon_manifests import NAMESPACE
from local.kubernetes.client import ApiError, Client, Object
from local.kubernetes.errors import ControlPlaneError

DRIVER = "secrets-store.csi.k8s.io"
_GROUP = "apis/secrets-store.csi.x-k8s.io/v1"
_CONFLICT = 409
_ACCOUNT = "secrets-store-csi-driver"


def provider_of(volume: Object) -> str | None:
    """Return the SecretProviderClass that a pod's volume mounts, None where it mounts none."""
    csi = volume.get("csi", {})
    if csi.get("driver") != DRIVER:
        return None
    name: str = csi["volumeAttributes"]["secretProviderClass"]
    return name


class SecretStore:
    """Reads secrets with a pod's own credentials and makes the Secrets that its provider names."""

    def __init__(
        self, client: Client, *, credentials: Mapping[str, Any] | None, aws_endpoint: str
    ) -> None:
        self._client = client
        self._credentials = credentials
        self._aws_endpoint = aws_endpoint

    def sync(self, namespace: str, provider: str) -> None:
        """Make the `secretObjects` of a SecretProviderClass.

        Raises ControlPlaneError where the pod would wait: nothing that it may read, no identity,
        or a driver that may not make Secrets, for which EKS's add-on brings no rights.
        """
        path = f"{_GROUP}/namespaces/{namespace}/secretproviderclasses/{provider}"
        spec = self._client.get(path)["spec"]
        wanted = spec.get("secretObjects", [])
        if not wanted:
            return
        for item in wanted:
            for denied in self._denied(namespace, item["secretName"]):
                raise ControlPlaneError(
                    f"SecretProviderClass {namespace}/{provider}: the service account "
                    f"{NAMESPACE}/{_ACCOUNT} may not {denied}, and so can't make Secrets."
                )
        values = dict(self._values(spec["parameters"], provider))
        for item in wanted:
            data = {
                one["key"]: base64.b64encode(values[one["objectName"]].encode()).decode()
                for one in item["data"]
            }
            self._make(namespace, item["secretName"], item["type"], data)

    def _denied(self, namespace: str, name: str) -> Iterator[str]:
        """Yield what of a Secret the driver may not do: it watches those of all namespaces."""
        there = {"namespace": namespace}
        for verb, where in (
            ("list", {}),
            ("watch", {}),
            ("create", there),
            ("update", {**there, "name": name}),
            ("patch", {**there, "name": name}),
        ):
            spec = {
                "user": f"system:serviceaccount:{NAMESPACE}:{_ACCOUNT}",
                "groups": ["system:authenticated", f"system:serviceaccounts:{NAMESPACE}"],
                "resourceAttributes": {"verb": verb, "resource": "secrets", **where},
            }
            path = "apis/authorization.k8s.io/v1/subjectaccessreviews"
            review = {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SubjectAccessReview",
                "spec": spec,
            }
            if not self._client.request("POST", path, body=review)["status"].get("allowed"):
                yield f"{verb} secrets {'in ' + namespace if where else 'in all namespaces'}"

    def _values(self, parameters: Mapping[str, str], provider: str) -> Iterator[tuple[str, str]]:
        import boto3

        if parameters.get("usePodIdentity") != "true" or self._credentials is None:
            raise ControlPlaneError(
                f"SecretProviderClass {provider}: only pods with usePodIdentity and an association "
                "get secrets here."
            )
        reader = boto3.client(
            "secretsmanager",
            endpoint_url=self._aws_endpoint,
            region_name=parameters["region"],
            aws_access_key_id=self._credentials["AccessKeyId"],
            aws_secret_access_key=self._credentials["SecretAccessKey"],
            aws_session_token=self._credentials["Token"],
        )
        for wanted in json.loads(parameters["objects"]):
            try:
                found = reader.get_secret_value(SecretId=wanted["objectName"])
            except reader.exceptions.ClientError as error:
                raise ControlPlaneError(f"SecretProviderClass {provider}: {error}") from error
            yield wanted["objectAlias"], found["SecretString"]

    def _make(self, namespace: str, name: str, kind: str, data: Mapping[str, str]) -> None:
        # Who has been given a Secret keeps it: the driver rotates only where it is told to.
        metadata = {"name": name, "namespace": namespace}
        body = {"apiVersion": "v1", "kind": "Secret", "type": kind, "metadata": metadata}
        path = f"api/v1/namespaces/{namespace}/secrets"
        try:
            self._client.request("POST", path, body={**body, "data": dict(data)})
        except ApiError as error:
            if error.status != _CONFLICT:
                raise
