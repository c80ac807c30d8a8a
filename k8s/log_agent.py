"""The log agent: Fluent Bit on every node."""

import hashlib
from collections.abc import Mapping

from cdk8s import Chart
from cdk8s_plus_27 import k8s as kube
from constructs import Construct

from config.log_agent import size_problems
from config.quantities import image_problems
from k8s.checks import require
from k8s.log_agent_config import fluent_bit_config
from k8s.network import aws_egress, network_policy
from k8s.pods import resources, restricted_container, root_pod
from k8s.priority import NODE_AGENT

NAME = "log-agent"
LABELS: Mapping[str, str] = {"app.kubernetes.io/name": NAME}
"""Selectors can't be changed, so they are written here and not derived."""

CONTAINERS, PODS = "/var/log/containers", "/var/log/pods"
"""Links to the files by names that tell pod and container, and the files."""
_PORT = 2020
_BUFFER = "/buffer"
_CONFIG = "/config"
_INDEX_MIB = 64
"""For the positions in the files, beside what waits."""


class LogAgentChart(Chart):
    """Every line that a pod writes, sent with its pod's labels at least once while a node lives.

    A line is lost only if CloudWatch can't be reached for so long that the buffer is full. A new
    version of the agent reads the node's files from their start: it sends some lines again.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        namespace: str,
        image: str,
        cpu_millis: int,
        memory_mib: int,
        buffer_mib: int,
        region: str,
        log_group: str,
    ) -> None:
        """Raises ConfigError for an image without tag or digest, and for too small a size."""
        super().__init__(scope, id)
        require(
            f"{namespace}/{NAME}",
            image_problems(image),
            size_problems(cpu_millis, memory_mib, buffer_mib),
        )
        self._metadata = kube.ObjectMeta(name=NAME, namespace=namespace, labels=dict(LABELS))
        config = fluent_bit_config(
            region=region,
            log_group=log_group,
            namespace=namespace,
            logs=CONTAINERS,
            buffer=_BUFFER,
            port=_PORT,
            memory_mib=memory_mib,
            buffer_mib=buffer_mib,
        )
        kube.KubeConfigMap(
            self, "Config", metadata=self._metadata, data={"fluent-bit.yaml": config}
        )
        self._allow_pods_names(namespace)
        network_policy(
            self,
            "AllowAws",
            namespace=namespace,
            name=f"{NAME}-to-aws",
            spec=kube.NetworkPolicySpec(
                pod_selector=kube.LabelSelector(match_labels=dict(LABELS)),
                policy_types=["Egress"],
                egress=aws_egress(),
            ),
        )
        digest = hashlib.sha256(config.encode()).hexdigest()[:16]
        kube.KubeDaemonSet(
            self,
            "DaemonSet",
            metadata=self._metadata,
            spec=kube.DaemonSetSpec(
                selector=kube.LabelSelector(match_labels=dict(LABELS)),
                revision_history_limit=3,
                update_strategy=kube.DaemonSetUpdateStrategy(
                    type="RollingUpdate",
                    rolling_update=kube.RollingUpdateDaemonSet(
                        max_unavailable=kube.IntOrString.from_string("25%")
                    ),
                ),
                template=kube.PodTemplateSpec(
                    metadata=kube.ObjectMeta(
                        labels=dict(LABELS),
                        # Fluent Bit reads its configuration when it starts.
                        annotations={"mindforce.dev/config": digest},
                    ),
                    spec=self._pod(image, cpu_millis, memory_mib, buffer_mib),
                ),
            ),
        )

    def _allow_pods_names(self, namespace: str) -> None:
        """Let it ask the API server whose file it reads."""
        kube.KubeServiceAccount(
            self, "ServiceAccount", metadata=self._metadata, automount_service_account_token=False
        )
        metadata = kube.ObjectMeta(name=NAME, labels=dict(LABELS))
        kube.KubeClusterRole(
            self,
            "Role",
            metadata=metadata,
            rules=[kube.PolicyRule(api_groups=[""], resources=["pods"], verbs=["get"])],
        )
        kube.KubeClusterRoleBinding(
            self,
            "Binding",
            metadata=metadata,
            role_ref=kube.RoleRef(
                api_group="rbac.authorization.k8s.io", kind="ClusterRole", name=NAME
            ),
            subjects=[kube.Subject(kind="ServiceAccount", name=NAME, namespace=namespace)],
        )

    def _pod(self, image: str, cpu_millis: int, memory_mib: int, buffer_mib: int) -> kube.PodSpec:
        return kube.PodSpec(
            service_account_name=NAME,
            automount_service_account_token=True,
            enable_service_links=False,
            priority_class_name=NODE_AGENT,
            # On every node, whatever keeps others off it.
            tolerations=[kube.Toleration(operator="Exists")],
            termination_grace_period_seconds=30,
            # k8s/exceptions.py has the reason.
            security_context=root_pod(),
            containers=[
                kube.Container(
                    name=NAME,
                    image=image,
                    image_pull_policy="IfNotPresent",
                    # Not the image's own start, which loads plug-ins that aren't used.
                    command=["/fluent-bit/bin/fluent-bit"],
                    args=["--config", f"{_CONFIG}/fluent-bit.yaml"],
                    ports=[kube.ContainerPort(name="http", container_port=_PORT)],
                    resources=resources(f"{cpu_millis}m", f"{memory_mib}Mi"),
                    security_context=restricted_container(),
                    # Not ready once it gives something up, which is no reason to restart. What
                    # CloudWatch refuses it tries again without an end: an alarm tells of that.
                    readiness_probe=_probe("/api/v1/health", period=10, failures=3),
                    liveness_probe=_probe("/api/v1/uptime", period=30, failures=3),
                    volume_mounts=[
                        kube.VolumeMount(name="config", mount_path=_CONFIG, read_only=True),
                        kube.VolumeMount(name="buffer", mount_path=_BUFFER),
                        kube.VolumeMount(name="containers", mount_path=CONTAINERS, read_only=True),
                        kube.VolumeMount(name="pods", mount_path=PODS, read_only=True),
                    ],
                )
            ],
            volumes=[
                kube.Volume(name="config", config_map=kube.ConfigMapVolumeSource(name=NAME)),
                kube.Volume(
                    name="buffer",
                    empty_dir=kube.EmptyDirVolumeSource(
                        size_limit=kube.Quantity.from_string(f"{buffer_mib + _INDEX_MIB}Mi")
                    ),
                ),
                _folder("containers", CONTAINERS),
                _folder("pods", PODS),
            ],
        )


def _folder(name: str, path: str) -> kube.Volume:
    return kube.Volume(name=name, host_path=kube.HostPathVolumeSource(path=path, type="Directory"))


def _probe(path: str, *, period: int, failures: int) -> kube.Probe:
    return kube.Probe(
        http_get=kube.HttpGetAction(path=path, port=kube.IntOrString.from_string("http")),
        period_seconds=period,
        timeout_seconds=5,
        failure_threshold=failures,
    )
