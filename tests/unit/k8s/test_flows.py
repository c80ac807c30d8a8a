"""Who reaches whom: every flow that a policy opens, and some that none does."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from config.environments import TABLE
from guards.flows import POLICY
from guards.objects import place
from k8s import log_agent
from k8s.backup_freshness import NAME as FRESHNESS_NAME
from k8s.database import LABELS as MEMBER_LABELS
from k8s.database_backup import LABELS as BACKUP_LABELS
from k8s.database_network import DUMPS
from k8s.migrations import LABELS as MIGRATIONS_LABELS
from k8s.restore_drill import NAME as DRILLS
from k8s.web_pod import LABELS, METRICS_PORT
from tests.flows import Flow, Peer, allowed, unnamed
from tests.synthesis import Synthesis, manifests

Object = dict[str, Any]
Row = tuple[str, Peer, Peer, int, str, bool]

WEB = Peer(namespace="web", labels=LABELS, address="10.10.1.1")
ANOTHER_IN_WEB = Peer(namespace="web", labels={"app": "another"}, address="10.10.1.2")
DNS = Peer(namespace="kube-system", labels={"k8s-app": "kube-dns"}, address="10.10.1.3")
METRICS = Peer(namespace="kube-system", labels={"app": "metrics-server"}, address="10.10.1.4")
AGENT = Peer(namespace="logging", labels=log_agent.LABELS, address="10.10.1.6")
LOAD_BALANCER = Peer(address="every public subnet")
NODE = Peer(address="10.10.0.5")
CONTROL_PLANE = Peer(address="10.10.0.6")
WEBHOOK = Peer(
    namespace="kube-system",
    labels={"app.kubernetes.io/name": "aws-load-balancer-controller"},
    address="10.10.1.5",
)
API_SERVER = Peer(address="172.20.0.1")
CREDENTIALS = Peer(address="169.254.170.23")
METADATA = Peer(address="169.254.169.254")
AWS = Peer(address="52.94.5.1")
INTERNET = Peer(address="203.0.113.1")
EVERYWHERE = Peer(address="0.0.0.0/0")
MEMBER = Peer(namespace="database", labels=MEMBER_LABELS, address="10.10.1.6")
ANOTHER_MEMBER = Peer(namespace="database", labels=MEMBER_LABELS, address="10.10.1.7")
BACKUP = Peer(namespace="database", labels=BACKUP_LABELS, address="10.10.1.8")
DUMP = Peer(namespace="database", labels={"app.kubernetes.io/name": DUMPS}, address="10.10.1.10")
MIGRATIONS = Peer(namespace="web", labels=MIGRATIONS_LABELS, address="10.10.1.9")
VELERO = Peer(namespace="velero", labels={"name": "velero"}, address="10.10.1.11")
VELERO_SPACE = Peer(namespace="velero")
DRILL = Peer(namespace="velero", labels={"app.kubernetes.io/name": DRILLS}, address="10.10.1.12")
FRESHNESS = Peer(
    namespace="velero", labels={"app.kubernetes.io/name": FRESHNESS_NAME}, address="10.10.1.13"
)

NAMESPACES = ("database", "logging", "velero", "web")

FLOWS: list[Row] = [
    *(
        (f"every pod of {name} → DNS by {protocol}", Peer(namespace=name), DNS, 53, protocol, True)
        for name in NAMESPACES
        for protocol in ("UDP", "TCP")
    ),
    ("load balancer → web", LOAD_BALANCER, WEB, 7777, "TCP", True),
    ("load balancer → web's metrics", LOAD_BALANCER, WEB, METRICS_PORT, "TCP", False),
    ("load balancer → other pods", LOAD_BALANCER, ANOTHER_IN_WEB, 7777, "TCP", False),
    ("node's address → web", NODE, WEB, 7777, "TCP", False),
    ("internet → web", INTERNET, WEB, 7777, "TCP", False),
    ("web → web", WEB, WEB, 7777, "TCP", False),
    ("web → DNS", WEB, DNS, 53, "UDP", True),
    ("web → DNS, long answers", WEB, DNS, 53, "TCP", True),
    ("web → others of kube-system", WEB, METRICS, 53, "UDP", False),
    ("web → API server", WEB, API_SERVER, 443, "TCP", False),
    ("web → credentials", WEB, CREDENTIALS, 80, "TCP", False),
    ("web → instance metadata", WEB, METADATA, 80, "TCP", False),
    ("web → AWS", WEB, AWS, 443, "TCP", False),
    ("web → internet", WEB, INTERNET, 443, "TCP", False),
    ("web → database", WEB, MEMBER, 5432, "TCP", True),
    ("migrations → database", MIGRATIONS, MEMBER, 5432, "TCP", True),
    ("backup → database", BACKUP, MEMBER, 5432, "TCP", True),
    ("others of web → database", ANOTHER_IN_WEB, MEMBER, 5432, "TCP", False),
    ("load balancer → database", LOAD_BALANCER, MEMBER, 5432, "TCP", False),
    ("web → Patroni", WEB, MEMBER, 8008, "TCP", False),
    ("backup → Patroni", BACKUP, MEMBER, 8008, "TCP", False),
    ("member → member", MEMBER, ANOTHER_MEMBER, 5432, "TCP", True),
    ("member → member's Patroni", MEMBER, ANOTHER_MEMBER, 8008, "TCP", True),
    ("member → API server", MEMBER, API_SERVER, 443, "TCP", True),
    ("member → AWS", MEMBER, AWS, 443, "TCP", True),
    ("member → AWS, in plain", MEMBER, AWS, 80, "TCP", False),
    ("member → instance metadata", MEMBER, METADATA, 80, "TCP", False),
    ("member → DNS", MEMBER, DNS, 53, "UDP", True),
    ("member → web", MEMBER, WEB, 7777, "TCP", False),
    ("migrations → API server", MIGRATIONS, API_SERVER, 443, "TCP", False),
    ("backup → AWS", BACKUP, AWS, 443, "TCP", False),
    ("dump → database", DUMP, MEMBER, 5432, "TCP", True),
    ("dump → Patroni", DUMP, MEMBER, 8008, "TCP", False),
    ("dump → AWS", DUMP, AWS, 443, "TCP", True),
    ("dump → DNS", DUMP, DNS, 53, "UDP", True),
    ("dump → credentials of pod identity", DUMP, CREDENTIALS, 80, "TCP", False),
    ("dump → instance metadata", DUMP, METADATA, 80, "TCP", False),
    ("dump → web", DUMP, WEB, 7777, "TCP", False),
    ("member → dump", MEMBER, DUMP, 5432, "TCP", False),
    ("backup → dump", BACKUP, DUMP, 443, "TCP", False),
    ("load balancer → migrations", LOAD_BALANCER, MIGRATIONS, 7777, "TCP", False),
    ("agent → API server", AGENT, API_SERVER, 443, "TCP", True),
    ("agent → credentials", AGENT, CREDENTIALS, 80, "TCP", True),
    ("agent → CloudWatch", AGENT, AWS, 443, "TCP", True),
    ("agent → DNS", AGENT, DNS, 53, "UDP", True),
    ("agent → instance metadata", AGENT, METADATA, 80, "TCP", False),
    ("agent → internet, by HTTP", AGENT, INTERNET, 80, "TCP", False),
    ("agent → web", AGENT, WEB, 7777, "TCP", False),
    ("web → agent", WEB, AGENT, 2020, "TCP", False),
    ("node's address → agent", NODE, AGENT, 2020, "TCP", False),
    # AWS's services and the API server have no fixed addresses.
    ("member → everywhere, by TLS", MEMBER, EVERYWHERE, 443, "TCP", True),
    ("dump → everywhere, by TLS", DUMP, EVERYWHERE, 443, "TCP", True),
    ("agent → everywhere, by TLS", AGENT, EVERYWHERE, 443, "TCP", True),
    ("every pod of velero → everywhere, by TLS", VELERO_SPACE, EVERYWHERE, 443, "TCP", True),
    ("every pod of velero → credentials", VELERO_SPACE, CREDENTIALS, 80, "TCP", True),
    ("migrations → internet", MIGRATIONS, INTERNET, 443, "TCP", False),
    ("backup → internet", BACKUP, INTERNET, 443, "TCP", False),
    ("velero → AWS", VELERO, AWS, 443, "TCP", True),
    ("velero → internet, by HTTP", VELERO, INTERNET, 80, "TCP", False),
    ("velero → API server", VELERO, API_SERVER, 443, "TCP", True),
    ("velero → credentials", VELERO, CREDENTIALS, 80, "TCP", True),
    ("velero → instance metadata", VELERO, METADATA, 80, "TCP", False),
    ("velero → DNS", VELERO, DNS, 53, "UDP", True),
    ("velero → web", VELERO, WEB, 7777, "TCP", False),
    ("velero → database", VELERO, MEMBER, 5432, "TCP", False),
    ("web → velero", WEB, VELERO, 8085, "TCP", False),
    ("node's address → velero", NODE, VELERO, 8085, "TCP", False),
    ("drill → AWS", DRILL, AWS, 443, "TCP", True),
    ("drill → API server", DRILL, API_SERVER, 443, "TCP", True),
    ("drill → database", DRILL, MEMBER, 5432, "TCP", False),
    ("velero → drill", VELERO, DRILL, 443, "TCP", False),
    ("freshness → API server", FRESHNESS, API_SERVER, 443, "TCP", True),
    ("freshness → CloudWatch", FRESHNESS, AWS, 443, "TCP", True),
    ("freshness → credentials", FRESHNESS, CREDENTIALS, 80, "TCP", True),
    ("freshness → DNS", FRESHNESS, DNS, 53, "UDP", True),
    ("freshness → instance metadata", FRESHNESS, METADATA, 80, "TCP", False),
    ("freshness → database", FRESHNESS, MEMBER, 5432, "TCP", False),
    ("freshness → web", FRESHNESS, WEB, 7777, "TCP", False),
    ("velero → freshness", VELERO, FRESHNESS, 443, "TCP", False),
    # No policy is in kube-system, which is AWS's: nothing opens these, and they hold as long as
    # nothing closes that namespace either.
    ("control plane → webhooks", CONTROL_PLANE, WEBHOOK, 9443, "TCP", True),
    ("control plane → metrics", CONTROL_PLANE, METRICS, 10250, "TCP", True),
]


@pytest.fixture(scope="module", params=[environment.name for environment in TABLE.environments])
def environment(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def objects(whole: Synthesis, environment: str) -> list[Object]:
    stacks = ("Platform", "Workloads")
    return [item for s in stacks for item in manifests(whole.template(environment, s))]


@pytest.fixture(scope="module")
def load_balancers(whole: Synthesis, environment: str) -> list[Peer]:
    """Each public subnet, all of it."""
    subnets = whole.template(environment, "Network").resources("AWS::EC2::Subnet").items()
    public = [s["Properties"]["CidrBlock"] for name, s in subnets if "Public" in name]
    assert public
    return [Peer(address=cidr) for cidr in public]


def _flows(row: Row, load_balancers: list[Peer]) -> list[Flow]:
    _, source, target, port, protocol, passes = row
    sources = load_balancers if source is LOAD_BALANCER else [source]
    return [
        Flow(source=one, target=target, port=port, protocol=protocol, passes=passes)
        for one in sources
    ]


@pytest.mark.parametrize("row", FLOWS, ids=[row[0] for row in FLOWS])
def test_flows_are_those_of_the_table(
    objects: list[Object], load_balancers: list[Peer], row: Row
) -> None:
    for flow in _flows(row, load_balancers):
        assert allowed(objects, flow) is flow.passes


def test_no_policy_opens_what_the_table_does_not_name(
    objects: list[Object], load_balancers: list[Peer]
) -> None:
    flows = [flow for row in FLOWS for flow in _flows(row, load_balancers)]
    assert unnamed(objects, flows) == []


def _policy(objects: list[Object], name: str) -> Any:
    (spec,) = (o["spec"] for o in objects if o["kind"] == POLICY and place(o) == name)
    return spec


@pytest.mark.parametrize(
    ("policy", "change", "opening"),
    [
        (
            "web/to-database",
            lambda spec: spec["egress"][0]["ports"].append({"port": 22, "protocol": "TCP"}),
            "Egress of {}=web to {}=database in database on TCP 22",
        ),
        (
            "web/to-database",
            lambda spec: spec["egress"][0]["ports"][0].update(endPort=5499),
            "Egress of {}=web to {}=database in database on TCP 5432-5499",
        ),
        (
            "web/to-database",
            lambda spec: spec["egress"][0]["ports"][0].update(port="postgres"),
            "Egress of {}=web to {}=database in database on TCP postgres",
        ),
        (
            "web/to-database",
            lambda spec: spec["egress"][0].pop("ports"),
            "Egress of {}=web to {}=database in database on every port",
        ),
        (
            "web/to-database",
            lambda spec: spec["egress"][0].pop("to"),
            "Egress of {}=web to everybody on TCP 5432",
        ),
        (
            "web/to-database",
            lambda spec: spec.update(podSelector={}),
            "Egress of every pod to {}=database in database on TCP 5432",
        ),
        (
            "web/web-from-load-balancer",
            lambda spec: spec["ingress"][0]["from"][0]["ipBlock"].update(cidr="10.0.0.0/8"),
            "Ingress of {}=web from 10.0.0.0/8 on TCP 7777",
        ),
        (
            "database/database-members",
            lambda spec: _clients(spec)["podSelector"]["matchExpressions"][0]["values"].append("x"),
            "Ingress of app.kubernetes.io/instance=database,{}=database from {}=x in web "
            "on TCP 5432",
        ),
        (
            "database/database-members",
            lambda spec: _clients(spec).pop("podSelector"),
            "Ingress of app.kubernetes.io/instance=database,{}=database from every pod in web "
            "on TCP 5432",
        ),
        (
            "database/database-members",
            lambda spec: _clients(spec).update(namespaceSelector={}),
            "Ingress of app.kubernetes.io/instance=database,{}=database from {}=web in every "
            "namespace on TCP 5432",
        ),
    ],
)
def test_a_rule_that_nobody_named_is_found_with_its_policy(
    objects: list[Object],
    load_balancers: list[Peer],
    policy: str,
    change: Callable[[Any], object],
    opening: str,
) -> None:
    objects = copy.deepcopy(objects)
    change(_policy(objects, policy))
    flows = [flow for row in FLOWS for flow in _flows(row, load_balancers)]
    said = f"{policy}: {opening}".replace("{}", "app.kubernetes.io/name")
    assert said in unnamed(objects, flows)


def _clients(spec: Any) -> Any:
    return spec["ingress"][0]["from"][0]


def test_a_policy_that_closed_kube_system_would_be_seen(objects: list[Object]) -> None:
    metadata = {"name": "closed", "namespace": "kube-system"}
    spec = {"podSelector": {}, "policyTypes": ["Ingress"]}
    closed = [*objects, {"kind": POLICY, "metadata": metadata, "spec": spec}]
    for port, target in ((9443, WEBHOOK), (10250, METRICS), (53, DNS)):
        flow = Flow(source=CONTROL_PLANE, target=target, port=port)
        assert allowed(objects, flow)
        assert not allowed(closed, flow)
