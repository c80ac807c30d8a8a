"""The database: PostgreSQL whose members elect their primary by Patroni."""

import hashlib
import json
from collections.abc import Mapping

from cdk8s import Chart
from cdk8s_plus_27 import k8s as kube
from constructs import Construct

from config.quantities import (
    MEMBER_COUNTS,
    image_problems,
    member_problems,
    quantity_problems,
    storage_problems,
)
from k8s.checks import require
from k8s.database_election import let_members_elect
from k8s.database_member import NAME, member
from k8s.database_network import allow_flows
from k8s.database_settings import API_PORT, PORT, SCOPE, SCOPE_LABEL, files
from k8s.secret_store import secret_provider, service_account

LABELS: Mapping[str, str] = {"app.kubernetes.io/name": NAME, SCOPE_LABEL: SCOPE}
"""Selectors can't be changed, so they are written here and not derived."""
REPLICAS = f"{NAME}-replicas"
MEMBERS = f"{NAME}-members"
PODS = [f"{NAME}-{number}" for number in range(max(MEMBER_COUNTS))]
"""As many as there could ever be: a member that goes still has to say so."""


class DatabaseChart(Chart):
    """Members with a volume each; what was acknowledged survives the loss of any one of several.

    The Service `database` leads to the primary, `database-replicas` to the others. Nothing here
    may be pruned.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        namespace: str,
        client_namespace: str,
        image: str,
        members: int,
        cpu: str,
        memory: str,
        memory_mib: int,
        max_connections: int,
        storage_class: str,
        storage_gib: int,
        keep_full_backups: int,
        region: str,
        role_arn: str,
        bucket: str,
        secrets: Mapping[str, str],
    ) -> None:
        """`role_arn` is the archive's, in `bucket`; `secrets` has the ARNs of "app", "dump" and
        "members".

        Raises ConfigError for two members, of which none could fail without a loss, for a volume
        that is too small, an image without tag or digest, and sizes that are none.
        """
        super().__init__(scope, id)
        require(
            f"{namespace}/{NAME}",
            image_problems(image),
            member_problems(members),
            quantity_problems(cpu, memory),
            storage_problems(storage_gib),
        )
        self._namespace = namespace
        self._selector = kube.LabelSelector(match_labels=dict(LABELS))
        settings = files(
            namespace=namespace,
            labels=LABELS,
            memory_mib=memory_mib,
            max_connections=max_connections,
            region=region,
            keep_full_backups=keep_full_backups,
        )
        service_account(self, namespace=namespace, name=NAME, role_arn=role_arn)
        let_members_elect(self, metadata=self._named(NAME), patroni_scope=SCOPE, pods=PODS)
        secret_provider(
            self, "Secrets", namespace=namespace, name=NAME, region=region, secrets=secrets
        )
        kube.KubeConfigMap(
            self, "Settings", metadata=self._named(f"{NAME}-settings"), data=settings
        )
        kube.KubeStatefulSet(
            self,
            "StatefulSet",
            metadata=self._named(NAME),
            spec=kube.StatefulSetSpec(
                replicas=members,
                service_name=MEMBERS,
                selector=self._selector,
                # In order, a primary that isn't the first would wait for standbys that wait for it.
                pod_management_policy="Parallel",
                # A primary that ends before Patroni has recorded its new standby has no successor
                # (images/database/README.md). It takes a round or two, of 5 s each.
                min_ready_seconds=20,
                revision_history_limit=3,
                template=kube.PodTemplateSpec(
                    metadata=kube.ObjectMeta(
                        labels=dict(LABELS), annotations={"checksum/settings": _digest(settings)}
                    ),
                    spec=member(
                        selector=self._selector,
                        image=image,
                        cpu=cpu,
                        memory=memory,
                        memory_mib=memory_mib,
                        bucket=bucket,
                    ),
                ),
                volume_claim_templates=[_claim(storage_class, storage_gib)],
            ),
        )
        kube.KubePodDisruptionBudget(
            self,
            "DisruptionBudget",
            metadata=self._named(NAME),
            spec=kube.PodDisruptionBudgetSpec(
                selector=self._selector,
                max_unavailable=kube.IntOrString.from_number(1),
                # A member that never got ready must not hold up the drain of its node.
                unhealthy_pod_eviction_policy="AlwaysAllow",
            ),
        )
        self._services()
        allow_flows(
            self, namespace=namespace, client_namespace=client_namespace, members=self._selector
        )

    def _named(self, name: str) -> kube.ObjectMeta:
        return kube.ObjectMeta(name=name, namespace=self._namespace, labels=dict(LABELS))

    def _services(self) -> None:
        primary, replicas = ({**LABELS, "role": role} for role in ("primary", "replica"))
        for name, selector in ((NAME, primary), (REPLICAS, replicas)):
            kube.KubeService(
                self,
                name,
                metadata=self._named(name),
                spec=kube.ServiceSpec(selector=selector, ports=[_port("postgresql", PORT)]),
            )
        kube.KubeService(
            self,
            MEMBERS,
            metadata=self._named(MEMBERS),
            spec=kube.ServiceSpec(
                cluster_ip="None",
                selector=dict(LABELS),
                publish_not_ready_addresses=True,
                ports=[_port("postgresql", PORT), _port("patroni", API_PORT)],
            ),
        )


def _claim(storage_class: str, gib: int) -> kube.KubePersistentVolumeClaimProps:
    return kube.KubePersistentVolumeClaimProps(
        metadata=kube.ObjectMeta(name="data"),
        spec=kube.PersistentVolumeClaimSpec(
            access_modes=["ReadWriteOnce"],
            storage_class_name=storage_class,
            resources=kube.ResourceRequirements(
                requests={"storage": kube.Quantity.from_string(f"{gib}Gi")}
            ),
        ),
    )


def _port(name: str, number: int) -> kube.ServicePort:
    # EKS network policies match a Service's traffic only if the two ports are equal.
    return kube.ServicePort(
        name=name, port=number, target_port=kube.IntOrString.from_number(number)
    )


def _digest(settings: Mapping[str, str]) -> str:
    """Return what changes with the settings, so that members are restarted by them."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
