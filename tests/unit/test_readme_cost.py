"""docs/cost.md counts what the table holds, and its sum is that of its prices."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal

from config.environments import TABLE
from config.model import Environment
from local.paths import ROOT
from tests.snapshot.snapshots import FOLDER

HOURS = 730
PAGE = (ROOT / "docs" / "cost.md").read_text()
ROW = re.compile(r"^\| ([^|*]+) \| ([\d.]+) (an hour|a month) \| ", re.MULTILINE)


def test_the_page_says_what_the_table_holds_and_what_that_sums_up_to() -> None:
    prices = {name: (Decimal(price), unit) for name, price, unit in ROW.findall(PAGE)}
    held = {environment.name: dict(_held(environment)) for environment in TABLE.environments}
    names = {name for counts in held.values() for name in counts}
    assert set(prices) == names, "docs/cost.md must have a row, with its price, for each"
    months = dict.fromkeys(held, Decimal(0))
    right = [f"| what | price | {' | '.join(held)} |", f"|---|---{'|---' * len(held)}|"]
    for name, (price, unit) in prices.items():
        counts = [counts.get(name, 0) for counts in held.values()]
        right.append(f"| {name} | {price} {unit} | {' | '.join(map(str, counts))} |")
        for environment, count in zip(held, counts, strict=True):
            months[environment] += price * count * (HOURS if unit == "an hour" else 1)
    sums = " | ".join(f"**{month:.0f}**" for month in months.values())
    right.append(f"| **a month** | | {sums} |")
    said = "\n".join(("docs/cost.md must say:", *right))
    assert re.findall(r"^\|.*", PAGE, re.MULTILINE) == right, said


def _held(environment: Environment) -> Iterator[tuple[str, int]]:
    network, groups = environment.network, environment.cluster.node_groups
    zones, database = len(network.zones), environment.database
    volumes = database.members * database.storage_gib if database else 0
    yield "EKS control plane, in standard support", 1
    for kind in {group.instance_types[0] for group in groups if group.desired_size}:
        nodes = (g.desired_size for g in groups if g.instance_types[0] == kind)
        yield f"node, {kind}, on demand", sum(nodes)
    yield "NAT gateway", network.nat_gateways
    yield "interface endpoint, in one zone", len(network.interface_endpoints) * zones
    kind = environment.web.load_balancer.title()
    yield f"{kind} Load Balancer", 1
    yield "public address, of NAT gateways and the load balancer", network.nat_gateways + zones
    disks = sum(group.desired_size * group.disk_gib for group in groups)
    yield "disk (gp3), of nodes and of the database, GiB", disks + volumes
    yield "KMS key", _resources(environment, "AWS::KMS::Key")
    # Docker Hub's is made by hand.
    by_hand = int(environment.images.docker_hub_secret is not None)
    yield "secret", _resources(environment, "AWS::SecretsManager::Secret") + by_hand
    yield "alarm", _resources(environment, "AWS::CloudWatch::Alarm")


def _resources(environment: Environment, kind: str) -> int:
    """Return how many the templates have, which the snapshots are."""
    files = (FOLDER / environment.name).glob("*.template.json")
    templates = (json.loads(file.read_text()) for file in files)
    return sum(r["Type"] == kind for one in templates for r in one["Resources"].values())
