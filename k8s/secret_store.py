"""Secrets of AWS Secrets Manager as files in pods, by the Secrets Store CSI driver."""

import json
from collections.abc import Mapping
from typing import Any

from cdk8s import ApiObject, ApiObjectMetadata, JsonPatch
from cdk8s_plus_27 import k8s as kube
from constructs import Construct

ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"
"""The role that a service account's pods get by web identity, and read their secrets with."""
POLL_SECONDS = 120
"""How long a pod's files may lag behind their secrets; each poll is an API call for each."""
DRIVER = "secrets-store.csi.k8s.io"
DRIVER_ACCOUNT = "secrets-store-csi-driver"
DRIVER_NAMESPACES = ("aws-secrets-manager", "kube-system")
"""Where the driver's account may be: users of the add-on report the first, and its parts' charts
are documented with the second. A namespace that isn't there has none."""
FOLDER = "/var/run/secrets/database"


def secret_provider(
    scope: Construct,
    id: str,
    *,
    namespace: str,
    name: str,
    region: str,
    secrets: Mapping[str, str],
) -> None:
    """Make the SecretProviderClass that mounts secrets as files; `secrets` maps file to ARN."""
    provider = ApiObject(
        scope,
        id,
        api_version="secrets-store.csi.x-k8s.io/v1",
        kind="SecretProviderClass",
        metadata=ApiObjectMetadata(name=name, namespace=namespace),
    )
    provider.add_json_patch(JsonPatch.add("/spec", provider_spec(region, secrets)))


def provider_spec(region: str, secrets: Mapping[str, str]) -> dict[str, Any]:
    """Return what a SecretProviderClass says; `secrets` maps file to ARN."""
    objects = [
        {"objectName": arn, "objectType": "secretsmanager", "objectAlias": file}
        for file, arn in secrets.items()
    ]
    # The provider reads YAML, of which JSON is a part.
    parameters = {"region": region, "objects": json.dumps(objects)}
    return {"provider": "aws", "parameters": parameters}


def secret_volume(provider: str) -> kube.Volume:
    """Return the volume, in memory, of the files of a SecretProviderClass."""
    return kube.Volume(
        name="secrets",
        csi=kube.CsiVolumeSource(
            driver=DRIVER,
            read_only=True,
            volume_attributes={"secretProviderClass": provider},
        ),
    )


def secret_mount() -> kube.VolumeMount:
    return kube.VolumeMount(name="secrets", mount_path=FOLDER, read_only=True)


def service_account(
    scope: Construct, *, namespace: str, name: str, role_arn: str
) -> kube.KubeServiceAccount:
    """Make a service account whose pods get a role; no token of it is mounted by itself."""
    metadata = kube.ObjectMeta(
        name=name, namespace=namespace, annotations={ROLE_ANNOTATION: role_arn}
    )
    return kube.KubeServiceAccount(
        scope, "ServiceAccount", metadata=metadata, automount_service_account_token=False
    )
