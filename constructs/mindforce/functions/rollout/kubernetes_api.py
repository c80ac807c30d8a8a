"""Reading from an EKS cluster's API server with the function's own identity."""

import base64
import json
import ssl
import urllib.parse
import urllib.request
from typing import Any

import boto3

TOKEN_SECONDS = 60
"""How long the presigned request may be used to log in; EKS accepts no more than 15 minutes."""

_PATHS = {
    "Deployment": "apis/apps/v1/namespaces/{}/deployments",
    "StatefulSet": "apis/apps/v1/namespaces/{}/statefulsets",
    "DaemonSet": "apis/apps/v1/namespaces/{}/daemonsets",
    "Job": "apis/batch/v1/namespaces/{}/jobs",
    "Ingress": "apis/networking.k8s.io/v1/namespaces/{}/ingresses",
    "TargetGroupBinding": "apis/elbv2.k8s.aws/v1beta1/namespaces/{}/targetgroupbindings",
    "Pod": "api/v1/namespaces/{}/pods",
    "Service": "api/v1/namespaces/{}/services",
    "PersistentVolumeClaim": "api/v1/namespaces/{}/persistentvolumeclaims",
    "Event": "api/v1/namespaces/{}/events",
    "PersistentVolume": "api/v1/persistentvolumes",
}


class KubernetesApi:
    """One cluster's API server, read as whoever runs this."""

    def __init__(self, cluster_name: str) -> None:
        cluster = boto3.client("eks").describe_cluster(name=cluster_name)["cluster"]
        authority = base64.b64decode(cluster["certificateAuthority"]["data"]).decode()
        self._name = cluster_name
        self._endpoint = cluster["endpoint"]
        self._tls = ssl.create_default_context(cadata=authority)
        # Python 3.13 asks for an Authority Key Identifier, which EKS's certificates don't carry.
        self._tls.verify_flags &= ~ssl.VERIFY_X509_STRICT

    def get(self, kind: str, namespace: str, name: str) -> dict[str, Any]:
        return self._read(f"{_PATHS[kind].format(namespace)}/{name}")

    def pods(self, namespace: str, labels: dict[str, str]) -> list[dict[str, Any]]:
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        return self.list("Pod", namespace, labelSelector=selector)

    def list(self, kind: str, namespace: str, **query: str) -> list[dict[str, Any]]:
        path = f"{_PATHS[kind].format(namespace)}?{urllib.parse.urlencode(query)}"
        items: list[dict[str, Any]] = self._read(path)["items"]
        return items

    def _read(self, path: str) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self._endpoint}/{path}", headers={"Authorization": f"Bearer {self._token()}"}
        )
        with urllib.request.urlopen(request, context=self._tls, timeout=10) as response:
            found: dict[str, Any] = json.load(response)
            return found

    def _token(self) -> str:
        """Return a token as `aws eks get-token` makes it: a presigned GetCallerIdentity.

        The cluster's name is signed as a header, so a token serves one cluster only.
        """
        sts = boto3.client("sts")

        def add_cluster(request: Any, **_: Any) -> None:
            request.headers.add_header("x-k8s-aws-id", self._name)

        sts.meta.events.register("before-sign.sts.GetCallerIdentity", add_cluster)
        url = sts.generate_presigned_url(
            "get_caller_identity", ExpiresIn=TOKEN_SECONDS, HttpMethod="GET"
        )
        return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")
