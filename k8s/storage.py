"""Where pods' volumes come from, and how they are snapshotted."""

from cdk8s import ApiObject, ApiObjectMetadata, Chart, JsonPatch
from cdk8s_plus_27 import k8s as kube
from constructs import Construct

STORAGE_CLASS = "gp3"
DRIVER = "ebs.csi.aws.com"


class StorageChart(Chart):
    """Volumes that are encrypted, made where their pod runs, and can grow; the default of claims.

    A class can't be changed, only replaced by one of another name.
    """

    def __init__(self, scope: Construct, id: str, *, key_arn: str) -> None:
        super().__init__(scope, id)
        kube.KubeStorageClass(
            self,
            "StorageClass",
            metadata=kube.ObjectMeta(
                name=STORAGE_CLASS,
                annotations={"storageclass.kubernetes.io/is-default-class": "true"},
            ),
            provisioner=DRIVER,
            parameters={
                "type": "gp3",
                "encrypted": "true",
                "kmsKeyId": key_arn,
                "csi.storage.k8s.io/fstype": "ext4",
            },
            reclaim_policy="Delete",
            # A volume stays in its zone, so the scheduler has to choose the zone first.
            volume_binding_mode="WaitForFirstConsumer",
            allow_volume_expansion=True,
        )
        ApiObject(
            self,
            "VolumeSnapshotClass",
            api_version="snapshot.storage.k8s.io/v1",
            kind="VolumeSnapshotClass",
            metadata=ApiObjectMetadata(
                name=STORAGE_CLASS,
                # How Velero finds the class for volumes of this driver.
                labels={"velero.io/csi-volumesnapshot-class": "true"},
            ),
        ).add_json_patch(
            JsonPatch.add("/driver", DRIVER),
            # Who deletes a namespace must not delete its backups with it.
            JsonPatch.add("/deletionPolicy", "Retain"),
        )
