"""The table of docs/cost.md: what the table of environments holds, and what that sums up to."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal

from config.environments import TABLE
from config.model import Environment
from local.paths import ROOT
from tests.snapshot.snapshots import FOLDER

PAGE = ROOT / "docs" / "cost.md"
HOURS = 730
UNKNOWN = "?"
"""The price of what the page has no row of, until somebody writes it."""
_ROW = re.compile(r"^\| ([^|*]+) \| ([\d.]+|\?) (an hour|a month) \| ", re.MULTILINE)
_TABLE = re.compile(r"^\|.*\n(\|.*\n)*", re.MULTILINE)


def page() -> str:
    """Return the page with the table as it must be, by its own prices and the snapshots.

    What is held and has no row yet gets one, without a price: there is no sum then.
    """
    text = PAGE.read_text()
    prices = {name: (price, unit) for name, price, unit in _ROW.findall(text)}
    held = {environment.name: dict(_held(environment)) for environment in TABLE.environments}
    names = dict.fromkeys(name for counts in held.values() for name in counts)
    rows = [f"| what | price | {' | '.join(held)} |", f"|---|---{'|---' * len(held)}|"]
    months = dict.fromkeys(held, Decimal(0))
    for name in names:
        price, unit = prices.get(name, (UNKNOWN, "an hour"))
        counts = [counts.get(name, 0) for counts in held.values()]
        rows.append(f"| {name} | {price} {unit} | {' | '.join(map(str, counts))} |")
        for environment, count in zip(held, counts, strict=True):
            each = Decimal("NaN") if price == UNKNOWN else Decimal(price)
            months[environment] += each * count * (HOURS if unit == "an hour" else 1)
    sums = (UNKNOWN if month.is_nan() else f"{month:.0f}" for month in months.values())
    rows.append(f"| **a month** | | {' | '.join(f'**{month}**' for month in sums)} |")
    return _TABLE.sub("".join(f"{row}\n" for row in rows), text, count=1)


def _held(environment: Environment) -> Iterator[tuple[str, int]]:
    network, groups = environment.network, environment.cluster.node_groups
    zones, database = len(network.zones), environment.database
    volumes = database.members * database.storage_gib if database else 0
    yield "EKS control plane, in standard support", 1
    for kind in sorted({group.instance_types[0] for group in groups if group.desired_size}):
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
