"""Production as `make up ENV=prod` stands it up: what differs from dev is there."""

import os
import re
import subprocess
from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Any

import pytest

from config.environments import PROD
from local.paths import ROOT
from local.stacks import STANDING
from tests.local.machine import Machine, eventually
from tests.local.roles import Roles, pipeline

ZONES = set(PROD.availability_zones)


@pytest.fixture(scope="module")
def prod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Production, by the command that people have; gone after this file."""
    machine = Machine(tmp_path_factory.mktemp("prod") / "state", PROD)
    try:
        done = machine.run("up", "--env", PROD.name, timeout=540)
        assert done.returncode == 0, done.stdout + done.stderr
        yield machine
    finally:
        machine.run("down")


def test_every_stack_stands_and_cannot_be_deleted(prod: Machine) -> None:
    for stack in ("Network", "Cluster", "Backup", "Platform", "Workloads", "Observability"):
        described = prod.stack(stack)
        assert described["StackStatus"] in STANDING, stack
        assert described["EnableTerminationProtection"] is True, stack
    cluster = prod.client("eks").describe_cluster(name=PROD.name)["cluster"]
    assert cluster["deletionProtection"] is True
    assert cluster["resourcesVpcConfig"]["endpointPublicAccess"] is False


def test_nothing_that_a_template_asks_for_was_ignored(prod: Machine) -> None:
    assert prod.emulator.audit.read_text() == ""


def test_each_zone_has_a_way_out_of_its_own(prod: Machine) -> None:
    ec2 = prod.client("ec2")
    subnets = {s["SubnetId"]: s for s in ec2.describe_subnets()["Subnets"]}
    gateways = {
        gateway["NatGatewayId"]: subnets[gateway["SubnetId"]]["AvailabilityZone"]
        for gateway in ec2.describe_nat_gateways()["NatGateways"]
    }
    assert len(gateways) == PROD.network.nat_gateways == len(ZONES)
    assert set(gateways.values()) == ZONES
    ways = {}
    for table in ec2.describe_route_tables()["RouteTables"]:
        for route in table["Routes"]:
            if gateway := route.get("NatGatewayId"):
                assert route["DestinationCidrBlock"] == "0.0.0.0/0"
                for association in table["Associations"]:
                    zone = subnets[association["SubnetId"]]["AvailabilityZone"]
                    ways[zone] = gateways[gateway]
    assert ways == {zone: zone for zone in ZONES}


def test_node_groups_are_those_of_the_table(prod: Machine) -> None:
    eks = prod.client("eks")
    names = eks.list_nodegroups(clusterName=PROD.name)["nodegroups"]
    described = [
        eks.describe_nodegroup(clusterName=PROD.name, nodegroupName=name)["nodegroup"]
        for name in names
    ]
    assert {group["status"] for group in described} == {"ACTIVE"}
    assert {group["capacityType"] for group in described} == {"ON_DEMAND", "SPOT"}
    shown = [
        (g["capacityType"], tuple(g["instanceTypes"]), *_sizes(g), len(g.get("taints", ())))
        for g in described
    ]
    assert sorted(shown) == sorted(
        (g.capacity_type, g.instance_types, g.min_size, g.desired_size, g.max_size, len(g.taints))
        for g in PROD.cluster.node_groups
    )
    for group in described:
        assert len(group["subnets"]) == len(ZONES)


def _sizes(group: Any) -> tuple[int, int, int]:
    scaling = group["scalingConfig"]
    return scaling["minSize"], scaling["desiredSize"], scaling["maxSize"]


def test_no_node_has_a_public_address(prod: Machine) -> None:
    reservations = prod.client("ec2").describe_instances()["Reservations"]
    instances = [instance for r in reservations for instance in r["Instances"]]
    assert {i["Placement"]["AvailabilityZone"] for i in instances} == ZONES
    for instance in instances:
        assert IPv4Address(instance["PrivateIpAddress"]) in PROD.network.network
        assert not instance.get("PublicIpAddress")


def test_each_member_of_the_database_has_a_volume_and_a_zone_of_its_own(prod: Machine) -> None:
    assert PROD.database is not None
    nodes = {
        n["metadata"]["name"]: n["metadata"]["labels"]["topology.kubernetes.io/zone"]
        for n in prod.kubectl("get", "nodes", "-o", "json")["items"]
    }
    members = ("-n", "database", "-l", "app.kubernetes.io/name=database", "-o", "json")

    def placed() -> Any:
        pods = prod.kubectl("get", "pods", *members)["items"]
        return pods if all("nodeName" in pod["spec"] for pod in pods) else None

    pods = [pod for pod in eventually(placed) if pod["metadata"]["name"].startswith("database-")]
    assert {nodes[pod["spec"]["nodeName"]] for pod in pods} == ZONES
    claims = prod.kubectl("get", "persistentvolumeclaims", "-n", "database", "-o", "json")["items"]
    assert len(claims) == PROD.database.members
    for claim in claims:
        assert claim["status"]["phase"] == "Bound"
        assert claim["status"]["capacity"]["storage"] == f"{PROD.database.storage_gib}Gi"


def test_all_of_it_is_backed_up_and_the_backup_is_proven(prod: Machine) -> None:
    """But for its volumes, of which nothing here makes snapshots."""
    ours = ("AWS_", "KUBECONFIG")
    env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}

    def make(target: str) -> str:
        done = subprocess.run(
            ["make", f"STATE={prod.state.folder}", "ENV=prod", target],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    said = r"Backup (\S+) holds \d{3,} objects, until \S+; it holds nothing of volumes\.\n"
    whole = re.fullmatch(said, make("backup"))
    assert whole
    assert f"PASSED: backup {whole[1]}, " in make("drill")


def test_each_role_may_do_what_productions_table_says(prod: Machine) -> None:
    """There developers only look: in dev they may do more."""
    with pipeline(prod) as session:
        roles = Roles(prod, session)
        assert roles.differences(PROD.access.roles, roles.namespaces()) == []
