"""The flows of the database: clients to it, its members to each other and to what they need."""

from collections.abc import Sequence

from cdk8s import Chart
from cdk8s_plus_27 import k8s as kube
from constructs import Construct

from k8s.database_settings import API_PORT, PORT
from k8s.network import network_policy, port

CLIENTS = ("web", "migrations")
BACKUPS = "database-backup"
DUMPS = "database-dump"
_NAME = "app.kubernetes.io/name"


def named(*names: str) -> kube.LabelSelector:
    """Select pods by the names that they are labelled with."""
    return kube.LabelSelector(
        match_expressions=[
            kube.LabelSelectorRequirement(key=_NAME, operator="In", values=list(names))
        ]
    )


def _namespace(name: str) -> kube.LabelSelector:
    return kube.LabelSelector(match_labels={"kubernetes.io/metadata.name": name})


def allow_flows(
    scope: Construct, *, namespace: str, client_namespace: str, members: kube.LabelSelector
) -> None:
    """Open what members of the database and the pods of its backups need.

    Those of its dumps have a policy of their own: they go to AWS, too.
    """
    one_another = kube.NetworkPolicyPeer(pod_selector=members)
    clients = kube.NetworkPolicyPeer(
        namespace_selector=_namespace(client_namespace), pod_selector=named(*CLIENTS)
    )
    backups = kube.NetworkPolicyPeer(pod_selector=named(BACKUPS, DUMPS))
    # The API server, STS and S3 have no fixed addresses.
    anywhere = kube.NetworkPolicyPeer(ip_block=kube.IpBlock(cidr="0.0.0.0/0"))
    network_policy(
        scope,
        "AllowMembers",
        namespace=namespace,
        name="database-members",
        spec=kube.NetworkPolicySpec(
            pod_selector=members,
            policy_types=["Ingress", "Egress"],
            ingress=[
                kube.NetworkPolicyIngressRule(from_=[clients, backups], ports=[port(PORT)]),
                kube.NetworkPolicyIngressRule(
                    from_=[one_another], ports=[port(PORT), port(API_PORT)]
                ),
            ],
            egress=[
                kube.NetworkPolicyEgressRule(to=[one_another], ports=[port(PORT), port(API_PORT)]),
                kube.NetworkPolicyEgressRule(to=[anywhere], ports=[port(443)]),
            ],
        ),
    )
    _allow_clients(scope, namespace, BACKUPS, named(BACKUPS), to=one_another)


def allow_clients(
    chart: Chart, *, namespace: str, database_namespace: str, database: Sequence[str]
) -> None:
    """Open the way to the database from where its clients are."""
    peer = kube.NetworkPolicyPeer(
        namespace_selector=_namespace(database_namespace), pod_selector=named(*database)
    )
    _allow_clients(chart, namespace, "to-database", named(*CLIENTS), to=peer)


def _allow_clients(
    scope: Construct,
    namespace: str,
    name: str,
    pods: kube.LabelSelector,
    *,
    to: kube.NetworkPolicyPeer,
) -> None:
    network_policy(
        scope,
        f"Allow-{name}",
        namespace=namespace,
        name=name,
        spec=kube.NetworkPolicySpec(
            pod_selector=pods,
            policy_types=["Egress"],
            egress=[kube.NetworkPolicyEgressRule(to=[to], ports=[port(PORT)])],
        ),
    )
