"""What a pod of the database sees of Kubernetes, from the real API server."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from cdk8s import App, Chart
from cdk8s_plus_27 import k8s as kube

from k8s.database_election import let_members_elect
from local.kubernetes.control_plane import ControlPlane
from tests.image.images import Image

NAMESPACE = "database"
# The clusters that tests run, and the numbers of their members at the most.
_CLUSTERS = {"main": range(3), "restored": range(3, 4), "database": range(3)}


class Kubernetes:
    """What a member sees of a cluster: its namespace, its account's token, pods of its name."""

    def __init__(self, control_plane: ControlPlane, folder: Path) -> None:
        """Write the service account's files to `folder`."""
        self.plane = control_plane
        self.folder = folder
        named = {"name": "patroni", "namespace": NAMESPACE}
        rbac = "rbac.authorization.k8s.io"
        role = {"apiGroup": rbac, "kind": "Role", "name": "patroni"}
        subject = {"kind": "ServiceAccount", **named}
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        self._apply("v1", "Namespace", {"name": NAMESPACE, "labels": labels})
        self._apply("v1", "ServiceAccount", named)
        rules = [rule for scope, numbers in _CLUSTERS.items() for rule in _rules(scope, numbers)]
        self._apply(f"{rbac}/v1", "Role", named, rules=rules)
        self._apply(f"{rbac}/v1", "RoleBinding", named, roleRef=role, subjects=[subject])
        folder.mkdir()
        (folder / "token").write_text(self.token())
        (folder / "namespace").write_text(NAMESPACE)
        (folder / "ca.crt").write_bytes(control_plane.certificate_authority)

    @property
    def environment(self) -> dict[str, str]:
        host, port = self.plane.endpoint.removeprefix("https://").split(":")
        return {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}

    def token(self, audience: str = "", account: str = "patroni") -> str:
        """A token of a service account, the members' unless another is said."""
        aimed = [f"--audience={audience}"] if audience else []
        command = ["--namespace", NAMESPACE, "create", "token", account, *aimed]
        return self.plane.kubectl(*command).strip()

    def label(self, name: str, labels: Mapping[str, str]) -> None:
        """Give a pod more labels."""
        words = [f"{key}={value}" for key, value in labels.items()]
        self.plane.kubectl("--namespace", NAMESPACE, "label", "pod", name, *words)

    def pod(self, name: str, scope: str, image: Image) -> None:
        """Make the pod that a member writes its state into; the admission judges it."""
        user, group = (int(one) for one in image.config["User"].split(":"))
        container = {
            "name": "database",
            "image": "mindforce-database",
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
            },
        }
        security = {
            "runAsNonRoot": True,
            "runAsUser": user,
            "runAsGroup": group,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        spec = {"containers": [container], "securityContext": security}
        labels = {"application": "patroni", "cluster-name": scope}
        metadata = {"name": name, "namespace": NAMESPACE, "labels": labels}
        self._apply("v1", "Pod", metadata, spec=spec)

    def account(self, manifest: Mapping[str, Any]) -> None:
        """Make a service account of a chart."""
        self.plane.kubectl(
            "apply", "--server-side", "--filename=-", stdin=yaml.safe_dump(dict(manifest))
        )

    def config_map(self, name: str, labels: Mapping[str, str]) -> None:
        """Make a ConfigMap that holds nothing."""
        metadata = {"name": name, "namespace": NAMESPACE, "labels": dict(labels)}
        self._apply("v1", "ConfigMap", metadata)

    def pods(self, **labels: str) -> list[str]:
        """Names of the pods that a Service with that selector would lead to."""
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        path = f"api/v1/namespaces/{NAMESPACE}/pods"
        found = self.plane.client.get(path, labelSelector=selector)["items"]
        return [pod["metadata"]["name"] for pod in found]

    def successor(self, scope: str, leader: str) -> str:
        """Who has all that `leader` acknowledged, as Patroni has recorded it, or nobody yet."""
        path = f"api/v1/namespaces/{NAMESPACE}/configmaps/{scope}-sync"
        recorded = (self.plane.client.find(path) or {}).get("metadata", {}).get("annotations", {})
        return recorded.get("sync_standby", "") if recorded.get("leader") == leader else ""

    def _apply(self, version: str, kind: str, metadata: Mapping[str, Any], **rest: Any) -> None:
        item = {"apiVersion": version, "kind": kind, "metadata": metadata, **rest}
        self.plane.kubectl("apply", "--server-side", "--filename=-", stdin=yaml.safe_dump(item))


def _rules(scope: str, numbers: Iterable[int]) -> Any:
    """What the chart lets members of a cluster do."""
    chart = Chart(App(), "rights")
    pods = [f"{scope}-{number}" for number in numbers]
    let_members_elect(chart, metadata=kube.ObjectMeta(name="any"), patroni_scope=scope, pods=pods)
    role, _ = chart.to_json()
    return role["rules"]
