"""Who reaches whom: every flow that a policy opens, and those that none does."""

import ipaddress
from dataclasses import replace
from typing import Any

import pytest

from config.environments import TABLE
from k8s import log_agent
from k8s.database import LABELS as MEMBER_LABELS
from k8s.database_backup import LABELS as BACKUP_LABELS
from k8s.database_network import DUMPS
from k8s.migrations import LABELS as MIGRATIONS_LABELS
from k8s.restore_drill import NAME as DRILLS
from k8s.web_pod import LABELS, METRICS_PORT
from tests.flows import Peer, allowed
from tests.synthesis import Synthesis, manifests

WEB = Peer(namespace="web", labels=LABELS, address="10.10.1.1")
ANOTHER_IN_WEB = Peer(namespace="web", labels={"app": "another"}, address="10.10.1.2")
DNS = Peer(namespace="kube-system", labels={"k8s-app": "kube-dns"}, address="10.10.1.3")
METRICS = Peer(namespace="kube-system", labels={"app": "metrics-server"}, address="10.10.1.4")
AGENT = Peer(namespace="logging", labels=log_agent.LABELS, address="10.10.1.6")
LOAD_BALANCER = Peer(address="in a public subnet")
NODE = Peer(address="10.10.0.5")
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
MEMBER = Peer(namespace="database", labels=MEMBER_LABELS, address="10.10.1.6")
ANOTHER_MEMBER = Peer(namespace="database", labels=MEMBER_LABELS, address="10.10.1.7")
BACKUP = Peer(namespace="database", labels=BACKUP_LABELS, address="10.10.1.8")
DUMP = Peer(namespace="database", labels={"app.kubernetes.io/name": DUMPS}, address="10.10.1.10")
MIGRATIONS = Peer(namespace="web", labels=MIGRATIONS_LABELS, address="10.10.1.9")
VELERO = Peer(namespace="velero", labels={"name": "velero"}, address="10.10.1.11")
DRILL = Peer(namespace="velero", labels={"app.kubernetes.io/name": DRILLS}, address="10.10.1.12")

FLOWS = [
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
    ("member → internet, by TLS", MEMBER, INTERNET, 443, "TCP", True),
    ("dump → internet, by TLS", DUMP, INTERNET, 443, "TCP", True),
    ("agent → internet, by TLS", AGENT, INTERNET, 443, "TCP", True),
    ("migrations → internet", MIGRATIONS, INTERNET, 443, "TCP", False),
    ("backup → internet", BACKUP, INTERNET, 443, "TCP", False),
    ("velero → AWS", VELERO, AWS, 443, "TCP", True),
    ("velero → internet, by TLS", VELERO, INTERNET, 443, "TCP", True),
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
    ("control plane → webhooks", API_SERVER, WEBHOOK, 9443, "TCP", True),
]


@pytest.fixture(scope="module", params=[environment.name for environment in TABLE.environments])
def environment(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def objects(synthesis: Synthesis, environment: str) -> list[dict[str, Any]]:
    stacks = ("Platform", "Workloads")
    return [item for s in stacks for item in manifests(synthesis.template(environment, s))]


@pytest.fixture(scope="module")
def load_balancers(synthesis: Synthesis, environment: str) -> list[str]:
    """An address in each public subnet."""
    subnets = synthesis.template(environment, "Network").resources("AWS::EC2::Subnet").items()
    public = [s["Properties"]["CidrBlock"] for name, s in subnets if "Public" in name]
    return [str(ipaddress.ip_network(cidr)[10]) for cidr in public]


@pytest.mark.parametrize(
    ("source", "target", "port", "protocol", "passes"),
    [flow[1:] for flow in FLOWS],
    ids=[flow[0] for flow in FLOWS],
)
def test_flows_are_those_of_the_table(
    objects: list[dict[str, Any]],
    load_balancers: list[str],
    source: Peer,
    target: Peer,
    port: int,
    protocol: str,
    passes: bool,
) -> None:
    assert load_balancers
    addresses = load_balancers if source is LOAD_BALANCER else [source.address]
    for address in addresses:
        there = replace(source, address=address)
        assert allowed(objects, there, target, port, protocol) is passes
