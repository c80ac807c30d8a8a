"""Other facts, and modes, written into a copy of the clone where docs tell its owner to."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from config.accounts import ACCOUNTS
from config.environments import PIPELINE, PROD, TABLE

REGION = "eu-west-1" if ACCOUNTS.region != "eu-west-1" else "eu-north-1"
_COUNTS = ("storage_gib", "keep_full_backups", "hourly_days", "daily_days")
"""What may be one more without being too much for anything."""
_TABLE = "TABLE = Table("
_SWITCHED = """
def _switched(environment: Environment) -> Environment:
    return replace(
        environment,
        images=Images(docker_hub_secret={hub}),
        platform=replace(environment.platform, access_log_days={days}),
        web=replace(environment.web, load_balancer="{balancer}"),
        backup=replace(environment.backup, volumes="snapshot"),
        access=replace(environment.access, mode="{mode}"),
    )


DEV, STAGE, PROD = _switched(DEV), _switched(STAGE), _switched(PROD)
# One without the parts that others have.
DEV = replace(DEV, database=None, log_agent=None)

"""
_DOMAIN = 'domain=Domain(name="www.other.example", hosted_zone_id="Z9876543210")'


def change(folder: Path) -> None:
    """Write others than ours into a copy of the clone."""
    named = json.dumps
    ids = [ACCOUNTS.management, *ACCOUNTS.ids.values()]
    facts = {
        **{named(id): named(str(700_000_000_001 + number)) for number, id in enumerate(ids)},
        **{named(region): named(REGION) for region in ACCOUNTS.regions},
        **dict.fromkeys(ACCOUNTS.email_domains, "other.example"),
    }
    _replace(folder / "config" / "accounts.json", facts)
    _replace(folder / "terraform" / "organization" / "terraform.tfvars.json", facts, rest=True)
    table = folder / "config" / "environments.py"
    _replace(table, _texts())
    text = table.read_text()
    for count in _COUNTS:
        text, found = re.subn(rf"\b{count}=(\d+)", lambda one: _more(*one.group(0, 1)), text)
        assert found, count
    if PROD.platform.domain is None:
        text = text.replace("import Platform\n", "import Domain, Platform\n")
        text = text.replace("=Platform(", f"=Platform({_DOMAIN}, ")
    assert text.count(_TABLE) == 1
    table.write_text(text.replace(_TABLE, _switched() + _TABLE))


def _switched() -> str:
    """Return what puts each mode of the table at another than ours."""
    network = PROD.web.load_balancer == "network"
    by_entries = PROD.access.mode == "access-entries"
    reads_aws_auth = PROD.access.authentication_mode != "API"
    return _SWITCHED.format(
        hub=None if PROD.images.docker_hub_secret else '"ecr-pullthroughcache/other"',
        days=30 if network else 0,
        balancer="application" if network else "network",
        mode="aws-auth" if by_entries and reads_aws_auth else "access-entries",
    )


def _texts() -> Mapping[str, str]:
    """Return what the table's source has, each with what it gets."""
    texts = {
        **{one.url: f"https://{one.environment}.other.example" for one in PIPELINE.deployments},
        **dict.fromkeys(PROD.observability.emails, "others@other.example"),
    }
    for number, one in enumerate(TABLE.environments):
        texts[one.network.cidr] = f"10.{200 + number}.0.0/17"
        texts[one.web.image] = "docker.io/other/shop:2.3"
        texts[one.backup.drill_image] = "docker.io/other/proof:2.3"
        if one.database:
            texts[one.database.image] = "docker.io/other/rows:2.3"
    fields = (
        ("repository", PIPELINE.repository, "other/cloud"),
        ("branch", PIPELINE.branch, "trunk"),
        ("docker_hub_secret", PIPELINE.docker_hub_secret, "other/login"),
        ("owner", PROD.owner, "other"),
    )
    connection = PIPELINE.connection_arn.rpartition("/")[2]
    return {
        **{json.dumps(old): json.dumps(new) for old, new in texts.items()},
        **{f"{name}={json.dumps(old)}": f"{name}={json.dumps(new)}" for name, old, new in fields},
        connection: connection[:-1] + ("1" if connection[-1] != "1" else "2"),
    }


def _more(found: str, number: str) -> str:
    return found.replace(number, str(int(number) + 1))


def _replace(file: Path, texts: Mapping[str, str], *, rest: bool = False) -> None:
    """Replace each text by another, all at once; with `rest`, those that are there."""
    text = file.read_text()
    missing = [old for old in texts if old not in text]
    assert rest or not missing, f"{file.name} doesn't hold {missing}"
    pattern = re.compile("|".join(map(re.escape, sorted(texts, key=len, reverse=True))))
    file.write_text(pattern.sub(lambda found: texts[found.group()], text))
