"""No field takes just anything: each has a wrong value here that is refused in one sentence."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest

from config.environments import PIPELINE, TABLE
from config.errors import ConfigError
from config.model import Table
from config.node_group import Taint
from config.platform import Domain
from tests.local.variant import changed
from tests.samples import SMALL

# With one of everything that an environment may go without.
SAMPLE = changed(
    replace(
        SMALL,
        platform=replace(
            SMALL.platform, domain=Domain(name="dev.example.com", hosted_zone_id="Z0123456789")
        ),
    ),
    ["cluster", "node_groups", "0", "taints"],
    (Taint(key="spot", value="true", effect="PREFER_NO_SCHEDULE"),),
)
GROUP = "cluster.node_groups.0"
ROLE = "access.roles.0"
TURN = "deployments.0"

WRONG: Mapping[str, tuple[Any, str]] = {
    "name": (7, "it must be a text"),
    "account": ("1234", "it must be the 12 digits"),
    "region": ("europe", "it must be an AWS region"),
    "deletion_protection": ("no", "it must be True or False"),
    "owner": ("", "it must be 1 to 256"),
    "network": (None, "it must be of type Network (config/network.py)"),
    "network.cidr": ("ten", "it must be an IPv4 network"),
    "network.zones": ("ab", "it must be a tuple, each item a text"),
    "network.nat_gateways": (True, "it must be a whole number"),
    "network.flow_log_retention_days": (31, "CloudWatch Logs keeps e.g. 30"),
    "network.interface_endpoints": (("s4",), "it must be one of"),
    "cluster": ("1.35", "it must be of type Cluster (config/cluster.py)"),
    "cluster.version": (1.35, "it must be a text"),
    "cluster.endpoint_cidrs": ("1.2.3.0/24", "it must be a tuple, each item a text"),
    "cluster.log_retention_days": ("90", "it must be a whole number"),
    "cluster.support_type": ("LONG", "it must be STANDARD or EXTENDED"),
    "cluster.zonal_shift": ("false", "it must be True or False"),
    "cluster.add_on_versions": ({"coredns": 1}, "it must be a text"),
    "cluster.node_groups": ((), "it must hold groups of different names"),
    f"{GROUP}.name": ("Big", "it must be 3 to 30"),
    f"{GROUP}.instance_types": (["t3.medium"], "it must be a tuple, each item a text"),
    f"{GROUP}.ami_type": ("AL2_x86_64", "it must be one of"),
    f"{GROUP}.capacity_type": ("spot", "it must be ON_DEMAND or SPOT"),
    f"{GROUP}.min_size": (-1, "it must hold 0 <= min"),
    f"{GROUP}.desired_size": (2.0, "it must be a whole number"),
    f"{GROUP}.max_size": (1, "it must hold 0 <= min <= desired <= max"),
    f"{GROUP}.disk_gib": (8, "the image needs at least 20"),
    f"{GROUP}.labels": ((("team", "data"),), "it must be a mapping, each key a text and each"),
    f"{GROUP}.max_unavailable_percent": (0, "it must be 1 to 100"),
    f"{GROUP}.repair": ("never", "it must be True or False"),
    f"{GROUP}.zonal": ("a", "it must be True or False"),
    f"{GROUP}.taints": (
        "spot",
        "it must be a tuple, each item of type Taint (config/node_group.py)",
    ),
    f"{GROUP}.taints.0.key": ("a b", "it must be a label's name"),
    f"{GROUP}.taints.0.value": ("a b", "it must be at most 63"),
    f"{GROUP}.taints.0.effect": ("NoSchedule", "its effect must be one of"),
    "images": ({}, "it must be of type Images (config/images.py)"),
    "images.docker_hub_secret": (1, "it must be a text or None"),
    "platform": (None, "it must be of type Platform (config/platform.py)"),
    "platform.controller_replicas": (4, "it must be 1 to 3"),
    "platform.access_log_days": (-1, "it must be 0 (no logs) to 3650"),
    "platform.domain": (
        "dev.example.com",
        "it must be of type Domain (config/platform.py) or None",
    ),
    "platform.domain.name": ("dev", "it must be a DNS name"),
    "platform.domain.hosted_zone_id": ("example.com", "it must be a Route 53 hosted zone id"),
    "log_agent": (True, "it must be of type LogAgent (config/log_agent.py) or None"),
    "log_agent.image": ("fluent-bit", "it must be registry/repository"),
    "log_agent.cpu_millis": (0, "it must be at least 1"),
    "log_agent.memory_mib": ("96Mi", "it must be a whole number"),
    "log_agent.buffer_mib": (1, "it must be at least 32"),
    "log_agent.retention_days": (31, "CloudWatch Logs keeps e.g. 30"),
    "database": (False, "it must be of type Database (config/database.py) or None"),
    "database.image": ("database:latest", "it must be registry/repository"),
    "database.members": (2, "it must be 1, or 3 to 5"),
    "database.cpu": ("lots", "it must be a quantity"),
    "database.memory": ("64Mi", "PostgreSQL and Patroni need at least 256Mi"),
    "database.storage_gib": (1, "it must be 5 to 16384"),
    "database.full_backups": ("weekly", "it must be a cron schedule"),
    "database.differential_backups": ("0 25 * * *", "its hour '25' must be"),
    "database.dumps": (3, "it must be a text"),
    "database.keep_full_backups": (0, "it must be 1 to 100"),
    "database.rollout_seconds": (900, "it must be 30 to 840"),
    "web": (None, "it must be of type Web (config/workloads.py)"),
    "web.image": ("docker.io/a/web", "with a digest or a tag other than 'latest'"),
    "web.min_replicas": (1, "it must hold 2 <= min <= max"),
    "web.max_replicas": ("10", "it must be a whole number"),
    "web.target_cpu_percent": (0, "it must be 1 to 100"),
    "web.target_memory_percent": (100, "it must be 1 to 95"),
    "web.cpu": (100, "it must be a text"),
    "web.memory": ("128", "it must be a quantity"),
    "web.rollout_seconds": (900, "it must be 30 to 840"),
    "web.load_balancer": ("alb", "it must be one of application, network"),
    "backup": (None, "it must be of type Backup (config/backup.py)"),
    "backup.hourly": ("hourly", "it must be a cron schedule"),
    "backup.hourly_days": (0, "it must be 1 to 3650"),
    "backup.daily": ("0 24 * * *", "its hour '24' must be"),
    "backup.daily_days": (4000, "it must be 1 to 3650"),
    "backup.volumes": (False, "it must be a text"),
    "backup.drill": ("never", "it must be a cron schedule"),
    "backup.drill_image": ("drill", "it must be registry/repository"),
    "backup.drill_max_age_hours": (0, "it must be 1 to 744"),
    "backup.alarm_hours": (24, "it must be a multiple of 12"),
    "backup.late_hours": (2, "it must be 3 to 24"),
    "backup.noncurrent_days": (0, "it must be 1 to 3650"),
    "observability": (None, "it must be of type Observability (config/observability.py)"),
    "observability.emails": ("me@example.com", "it must be a tuple, each item a text"),
    "observability.web_errors_per_minute": (0, "it must be 1 or more"),
    "access": (None, "it must be of type Access (config/access.py)"),
    "access.identity_account": ("people", "it must be the 12 digits"),
    "access.pipeline_role": ("pipeline", "it must be the ARN of an IAM role"),
    "access.roles": ((SMALL.access.roles[0],), "one that people assume must be break_glass"),
    f"{ROLE}.name": ("Admin", "it must be 3 to 32"),
    f"{ROLE}.trusts": ("everybody", "it must be one of people, pipeline"),
    f"{ROLE}.session_hours": (13, "it must be 1 to 12"),
    f"{ROLE}.rules": ((), "a role has rules, or it is break_glass"),
    f"{ROLE}.rules.0.resources": (("podz",), "it must be some of pods"),
    f"{ROLE}.rules.0.verbs": (("see",), "it must be some of get"),
    f"{ROLE}.workload_rules": (
        None,
        "it must be a tuple, each item of type Rule (config/access.py)",
    ),
    f"{ROLE}.starts": (("cleanup",), "it must be some of restore-drill, database-dump, each once"),
    f"{ROLE}.sees": (("secrets",), "it must be some of alarms, dashboard, logs, cluster-key, each"),
    f"{ROLE}.break_glass": ("no", "it must be True or False"),
    "access.mode": ("rbac", "it must be one of access-entries, aws-auth"),
    "access.authentication_mode": ("CONFIG_MAP", "it must be one of API_AND_CONFIG_MAP, API"),
    "access.api_only_for_good": ("dev", "it must be '' unless authentication_mode is 'API'"),
}

WRONG_PIPELINE: Mapping[str, tuple[Any, str]] = {
    "table": (None, "it must be of type Table (config/model.py)"),
    "connection_arn": ("github", "it must be the ARN of a connection"),
    "repository": ("platform", "it must be a repository of GitHub"),
    "branch": ("a b", "it must be a branch's name"),
    "docker_hub_secret": ("a b", "it must be a secret's name"),
    "log_retention_days": (31, "CloudWatch Logs keeps e.g. 30"),
    "artifact_days": (1, "it must be 7 to 365"),
    "deployments": ((), "each must be another one of dev"),
    f"{TURN}.environment": ("qa", "each must be another one of dev"),
    f"{TURN}.url": ("dev.example.com", "it must be such as 'https://"),
    f"{TURN}.alarm_minutes": (4, "it must be 5 to 60: the quickest alarm takes 5"),
    f"{TURN}.approval": ("yes", "it must be True or False"),
    f"{TURN}.migration_test": (1, "it must be True or False"),
    f"{TURN}.load": ("no", "it must be True or False"),
    f"{TURN}.load_options": ("; rm", "it must be options of delivery.load"),
}


def _paths(value: Any, path: str = "") -> Iterator[str]:
    """Yield the path of every field, through the first of each tuple."""
    for field in fields(value):
        here, inner = f"{path}{field.name}", getattr(value, field.name)
        yield here
        if isinstance(inner, tuple) and inner and is_dataclass(inner[0]):
            here, inner = f"{here}.0", inner[0]
        if is_dataclass(inner) and not isinstance(inner, Table):
            yield from _paths(inner, f"{here}.")


@pytest.mark.parametrize(("sample", "wrong"), [(SAMPLE, WRONG), (PIPELINE, WRONG_PIPELINE)])
def test_no_field_is_forgotten(sample: Any, wrong: Mapping[str, Any]) -> None:
    assert set(_paths(sample)) == set(wrong)


@pytest.mark.parametrize(
    ("sample", "path", "value", "right"),
    [
        *((SAMPLE, path, *wrong) for path, wrong in WRONG.items()),
        *((PIPELINE, path, *wrong) for path, wrong in WRONG_PIPELINE.items()),
    ],
    ids=[*WRONG, *WRONG_PIPELINE],
)
def test_a_wrong_value_is_refused_in_one_sentence(
    sample: Any, path: str, value: Any, right: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        changed(sample, path.split("."), value)
    (line,) = str(caught.value).splitlines()
    named = [part for part in path.split(".") if not part.isdigit()]
    # Some are wrong beside others, and told together with them.
    assert any(part in line for part in named[-2:])
    assert right in line


def test_a_table_holds_environments() -> None:
    with pytest.raises(ConfigError, match="environments is None; it must be a tuple, each item of"):
        replace(TABLE, environments=None)  # type: ignore[arg-type]
