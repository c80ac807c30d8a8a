"""Velero."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aws_cdk import aws_eks_v2, aws_iam
from constructs import Construct, IDependable

from mindforce.helm_release import HelmRelease
from mindforce.policy import Statement, document

CHART_VERSION = "12.1.0"
VERSION = "1.18.2"
PLUGIN_VERSION = "1.14.2"
NAME = "velero"
"""Of the release, and of the server's service account."""

RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}
_USER = 65532
_HOME = "/scratch"
"""Of server and agent, and of the pods that they make: a volume in all of them. Whoever opens the
repository keeps its settings and a cache in HOME, and the server's root is read-only."""


class Velero(Construct):
    """Velero with its agent on every node, whose pods have one role and no keys.

    It is given neither locations nor schedules: those are objects of k8s/velero.py.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        cluster: aws_eks_v2.ICluster,
        cluster_name: str,
        namespace: str,
        role_arn: str,
        role_name: str,
        volume_statements: Sequence[Statement],
        secret_volumes: Sequence[Mapping[str, Any]],
        secret_mounts: Sequence[Mapping[str, Any]],
        server: Mapping[str, str],
        agent: Mapping[str, str],
        mover: Mapping[str, str],
        agent_config: str,
        image_address: Callable[[str], str],
        after: Sequence[IDependable],
    ) -> None:
        """`volume_statements` let it use the keys of volumes. `server`, `agent` and `mover` are
        requests; `agent_config` names a ConfigMap. Its server starts once the Secrets of
        `secret_volumes` are there."""
        super().__init__(scope, id)
        policy = aws_iam.CfnPolicy(
            self,
            "Volumes",
            roles=[role_name],
            policy_name="Volumes",
            policy_document=document(*volume_statements),
        )
        association = aws_eks_v2.CfnPodIdentityAssociation(
            self,
            "Association",
            cluster_name=cluster_name,
            namespace=namespace,
            service_account=NAME,
            role_arn=role_arn,
        )
        repository, _, tag = image_address(f"docker.io/velero/velero:v{VERSION}").rpartition(":")
        plugin = image_address(f"docker.io/velero/velero-plugin-for-aws:v{PLUGIN_VERSION}")
        release = HelmRelease(
            self,
            "Release",
            cluster=cluster,
            name=NAME,
            repository="https://vmware-tanzu.github.io/helm-charts",
            chart=NAME,
            version=CHART_VERSION,
            namespace=namespace,
            values={
                "image": {"repository": repository, "tag": tag},
                "initContainers": [
                    {
                        "name": "velero-plugin-for-aws",
                        "image": plugin,
                        "volumeMounts": [{"mountPath": "/target", "name": "plugins"}],
                        "securityContext": RESTRICTED,
                    }
                ],
                "podSecurityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": _USER,
                    "runAsGroup": _USER,
                    "fsGroup": _USER,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containerSecurityContext": RESTRICTED,
                "resources": {"requests": dict(server), "limits": {"memory": "1Gi"}},
                "priorityClassName": "system-cluster-critical",
                "extraVolumes": [dict(volume) for volume in secret_volumes],
                "extraVolumeMounts": [dict(mount) for mount in secret_mounts],
                # It is the cluster's administrator by the chart's default: whoever restores
                # everything, access rules too, has to be allowed everything.
                "serviceAccount": {"server": {"name": NAME}},
                # EKS Pod Identity; the SDK in server and plug-in knows it.
                "credentials": {"useSecret": False},
                "configuration": {
                    "uploaderType": "kopia",
                    "features": "EnableCSI",
                    "extraEnvVars": [{"name": "HOME", "value": _HOME}],
                    "repositoryMaintenanceJob": {
                        "repositoryConfigData": {
                            "global": {
                                "keepLatestMaintenanceJobs": 1,
                                # All four, or no Job is made; a limit of 0 is none.
                                "podResources": {
                                    "cpuRequest": mover["cpu"],
                                    "cpuLimit": "0",
                                    "memoryRequest": mover["memory"],
                                    "memoryLimit": "1Gi",
                                },
                            }
                        }
                    },
                },
                "backupsEnabled": False,
                "snapshotsEnabled": False,
                "deployNodeAgent": True,
                "nodeAgent": {
                    # Data is moved from snapshots, never from the folders of other pods.
                    "disableHostPath": True,
                    "priorityClassName": "system-node-critical",
                    "tolerations": [{"operator": "Exists"}],
                    "resources": {"requests": dict(agent), "limits": {"memory": "512Mi"}},
                    "containerSecurityContext": {
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    "extraArgs": [f"--node-agent-configmap={agent_config}"],
                },
            },
        )
        # Its pods get their credentials when they are made, or never.
        for before in (policy, association, *after):
            release.node.add_dependency(before)
        self.release = release
