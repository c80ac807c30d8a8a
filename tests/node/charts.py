"""Production's charts as the app renders them, and what has to differ on a machine of ours.

Secrets are mounted from a Secret, for there is no CSI driver; what EKS's webhook gives to pods of a
service account with a role is written into them; the database trusts the authority of the stand-in
for AWS, and archives to a bucket of its; volumes are there beforehand; kinds of drivers that aren't
there are left out. Nobody enforces network policies, and nothing measures pods for the autoscaler.
"""

import copy
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from config.environments import PROD, TABLE
from config.model import Table
from tests.image.repository import BUCKET
from tests.node.cluster import Manifest
from tests.synthesis import Synthesis, plain

DATABASE = "database"
WEB = "web"
_MISSING_KINDS = ("SecretProviderClass", "VolumeSnapshotClass")
_TOKEN = "/var/run/secrets/eks.amazonaws.com/serviceaccount"
_CA = "/etc/ssl/certs/ca-certificates.crt"


class Charts:
    """The manifests of production, part by part, as its stacks apply them."""

    def __init__(self, folder: Path, *, role_arn: str, authority: str) -> None:
        """`role_arn` is the database's, `authority` who signs the stand-in's certificate (PEM)."""
        self._role_arn, self._authority = role_arn, authority
        table = Table(environments=(PROD,), tooling=TABLE.tooling)
        synthesis = Synthesis(table, folder)
        templates = [synthesis.template("prod", stack) for stack in ("Cluster", "Workloads")]
        kind = "Custom::AWSCDK-EKS-KubernetesResource"
        found = [one["Manifest"] for template in templates for one in template.properties(kind)]
        self._parts: list[list[Manifest]] = [json.loads(plain(one)) for one in found]

    def part(self, kind: str, name: str = "") -> list[Manifest]:
        """The objects that are applied together with one of that kind, as they can be here."""
        (part,) = (
            part
            for part in self._parts
            if any(one["kind"] == kind and one["metadata"]["name"].startswith(name) for one in part)
        )
        return list(self._adapted(copy.deepcopy(part)))

    def image(self, kind: str, name: str) -> str:
        """The reference of the image that pods of an object are made of."""
        (found,) = (one for one in self.part(kind, name) if one["kind"] == kind)
        return str(found["spec"]["template"]["spec"]["containers"][0]["image"])

    def _adapted(self, part: list[Manifest]) -> Iterator[Manifest]:
        for one in part:
            if one["kind"] in _MISSING_KINDS:
                continue
            if one["kind"] == "Namespace" and one["metadata"]["name"] == DATABASE:
                yield one
                yield _config_map("aws-ca", {"ca.crt": self._authority})
                continue
            template = one.get("spec", {}).get("template")
            if template:
                self._adapt(template["spec"])
            yield one

    def _adapt(self, pod: Any) -> None:
        for volume in pod.get("volumes", []):
            if driver := volume.pop("csi", None):
                name = driver["volumeAttributes"]["secretProviderClass"]
                volume["secret"] = {"secretName": name}
        if pod["serviceAccountName"] != DATABASE:
            return
        (container,) = pod["containers"]
        for variable in container["env"]:
            if variable["name"] == "PGBACKREST_REPO1_S3_BUCKET":
                variable["value"] = BUCKET
        container["env"] += [
            {"name": "AWS_ROLE_ARN", "value": self._role_arn},
            {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": f"{_TOKEN}/token"},
        ]
        token = {"audience": "sts.amazonaws.com", "path": "token", "expirationSeconds": 86400}
        pod["volumes"] += [
            {"name": "aws-token", "projected": {"sources": [{"serviceAccountToken": token}]}},
            {"name": "aws-ca", "configMap": {"name": "aws-ca"}},
        ]
        container["volumeMounts"] += [
            {"name": "aws-token", "mountPath": _TOKEN, "readOnly": True},
            {"name": "aws-ca", "mountPath": _CA, "subPath": "ca.crt", "readOnly": True},
        ]


def with_spec(
    objects: Sequence[Manifest], kind: str, *, image: str = "", **fields: Any
) -> list[Manifest]:
    """The objects with other fields in the spec of a kind, or another image in its pods."""
    changed = copy.deepcopy(list(objects))
    for one in changed:
        if one["kind"] == kind:
            one["spec"] |= fields
            if image:
                one["spec"]["template"]["spec"]["containers"][0]["image"] = image
    return changed


def secret(namespace: str, name: str, files: dict[str, str]) -> Manifest:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": files}


def _config_map(name: str, files: dict[str, str]) -> Manifest:
    metadata = {"name": name, "namespace": DATABASE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": files}
