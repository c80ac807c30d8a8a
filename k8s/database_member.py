"""A member of the database: PostgreSQL under Patroni, in the image of images/database."""

from cdk8s_plus_27 import k8s as kube

from k8s.database_settings import API_PORT, PORT, SETTINGS
from k8s.pods import resources, restricted_container, restricted_pod
from k8s.priority import DATABASE
from k8s.secret_store import secret_mount, secret_volume

NAME = "database"
POSTGRES = 999
"""The user of the image."""
STOP_SECONDS = 120
"""For the checkpoint of a primary that stops, after which a synchronous standby takes over."""
DATA = "/var/lib/postgresql"


def member(
    *,
    selector: kube.LabelSelector,
    image: str,
    cpu: str,
    memory: str,
    memory_mib: int,
    bucket: str,
) -> kube.PodSpec:
    """Return the pod of one member; images/database/README.md says what it mounts."""
    small = kube.Quantity.from_string("16Mi")
    return kube.PodSpec(
        service_account_name=NAME,
        automount_service_account_token=True,
        enable_service_links=False,
        priority_class_name=DATABASE,
        termination_grace_period_seconds=STOP_SECONDS,
        security_context=restricted_pod(POSTGRES, owns_volumes=True),
        affinity=_not_on_spot(),
        topology_spread_constraints=[
            kube.TopologySpreadConstraint(
                max_skew=1,
                topology_key=key,
                # Two members that are lost together are what the others are there against.
                when_unsatisfiable="DoNotSchedule",
                label_selector=selector,
            )
            for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
        ],
        containers=[
            kube.Container(
                name=NAME,
                image=image,
                image_pull_policy="IfNotPresent",
                command=["/bin/sh", f"{SETTINGS}/start.sh"],
                env=_environment(bucket),
                ports=[
                    kube.ContainerPort(name="postgresql", container_port=PORT),
                    kube.ContainerPort(name="patroni", container_port=API_PORT),
                ],
                resources=resources(cpu, memory),
                security_context=restricted_container(),
                startup_probe=_probe("/liveness", period=1, failures=120),
                # Not /readiness, which is true while the first start still makes roles and archive.
                readiness_probe=_probe("/read-only", period=5, failures=2),
                liveness_probe=_probe("/liveness", period=10, failures=3),
                volume_mounts=[
                    kube.VolumeMount(name="data", mount_path=DATA),
                    kube.VolumeMount(name="settings", mount_path=SETTINGS, read_only=True),
                    kube.VolumeMount(name="run", mount_path="/run/postgresql"),
                    kube.VolumeMount(name="tmp", mount_path="/tmp"),
                    kube.VolumeMount(name="shm", mount_path="/dev/shm"),
                    secret_mount(),
                ],
            )
        ],
        volumes=[
            kube.Volume(
                name="settings", config_map=kube.ConfigMapVolumeSource(name=f"{NAME}-settings")
            ),
            *(_in_memory(name, small) for name in ("run", "tmp")),
            # What parallel queries share, of the container's own limit: runtimes give 64 MB.
            _in_memory("shm", kube.Quantity.from_string(f"{memory_mib // 4}Mi")),
            secret_volume(NAME),
        ],
    )


def _environment(bucket: str) -> list[kube.EnvVar]:
    def of_pod(path: str) -> kube.EnvVarSource:
        return kube.EnvVarSource(field_ref=kube.ObjectFieldSelector(field_path=path))

    return [
        kube.EnvVar(name="PATRONI_NAME", value_from=of_pod("metadata.name")),
        kube.EnvVar(name="POD_IP", value_from=of_pod("status.podIP")),
        kube.EnvVar(name="PATRONI_POSTGRESQL_CONNECT_ADDRESS", value=f"$(POD_IP):{PORT}"),
        kube.EnvVar(name="PATRONI_RESTAPI_CONNECT_ADDRESS", value=f"$(POD_IP):{API_PORT}"),
        kube.EnvVar(name="PGBACKREST_CONFIG", value=f"{SETTINGS}/pgbackrest.conf"),
        kube.EnvVar(name="PGBACKREST_REPO1_S3_BUCKET", value=bucket),
    ]


def _not_on_spot() -> kube.Affinity:
    """Keep off nodes that are taken back with two minutes' notice."""
    capacity = kube.NodeSelectorRequirement(
        key="eks.amazonaws.com/capacityType", operator="NotIn", values=["SPOT"]
    )
    return kube.Affinity(
        node_affinity=kube.NodeAffinity(
            required_during_scheduling_ignored_during_execution=kube.NodeSelector(
                node_selector_terms=[kube.NodeSelectorTerm(match_expressions=[capacity])]
            )
        )
    )


def _in_memory(name: str, limit: kube.Quantity) -> kube.Volume:
    source = kube.EmptyDirVolumeSource(medium="Memory", size_limit=limit)
    return kube.Volume(name=name, empty_dir=source)


def _probe(path: str, *, period: int, failures: int) -> kube.Probe:
    return kube.Probe(
        http_get=kube.HttpGetAction(path=path, port=kube.IntOrString.from_string("patroni")),
        period_seconds=period,
        timeout_seconds=3,
        failure_threshold=failures,
    )
