"""Each wrong value of the database is refused in one sentence."""

from dataclasses import replace
from typing import Any

import pytest

from config.cron import cron_problem
from config.errors import ConfigError
from tests.samples import SMALL

DATABASE = SMALL.database


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"image": "docker.io/mindforce/database"}, "database.image is 'docker.io/mindforce/datab"),
        ({"image": "docker.io/x/y:latest"}, "; it must be registry/repository with a digest or a"),
        ({"members": 0}, "database.members is 0; it must be 1, or 3 to 5"),
        ({"members": 2}, "database.members is 2; it must be 1, or 3 to 5"),
        ({"members": 3}, "members is 3; each needs a node of its own, and 2 with room"),
        ({"cpu": "1.5"}, "database.cpu is '1.5'; it must be a quantity such as '100m'"),
        ({"memory": "1G"}, "database.memory is '1G'; it must be a quantity such as '128Mi'"),
        ({"memory": "128Mi"}, "database.memory is '128Mi'; PostgreSQL and Patroni need at least"),
        ({"memory": "64Gi"}, "database, 3 web pods lack memory"),
        ({"storage_gib": 4}, "database.storage_gib is 4; it must be 5 to 16384"),
        ({"full_backups": "daily"}, "database.full_backups is 'daily'; it must be a cron schedule"),
        (
            {"differential_backups": "0 24 * * *"},
            "'0 24 * * *'; its hour '24' must be *, or numbers from 0 to 23",
        ),
        ({"dumps": "nightly"}, "database.dumps is 'nightly'; it must be a cron schedule of five"),
        ({"keep_full_backups": 0}, "database.keep_full_backups is 0; it must be 1 to 100"),
        ({"rollout_seconds": 900}, "database.rollout_seconds is 900; it must be 30 to 840"),
    ],
)
def test_a_wrong_value_is_named(change: dict[str, Any], sentence: str) -> None:
    assert DATABASE is not None
    with pytest.raises(ConfigError) as caught:
        replace(SMALL, database=replace(DATABASE, **change))
    assert sentence in str(caught.value)
    assert str(caught.value).startswith("environment 'dev': ")


def test_more_web_pods_than_connections_are_refused() -> None:
    groups = tuple(replace(group, max_size=12) for group in SMALL.cluster.node_groups)
    cluster = replace(SMALL.cluster, node_groups=groups)
    with pytest.raises(ConfigError, match=r"web\.max_replicas is 16; the database has connec"):
        replace(SMALL, cluster=cluster, web=replace(SMALL.web, max_replicas=16))
    replace(SMALL, cluster=cluster, web=replace(SMALL.web, max_replicas=15))


@pytest.mark.parametrize(
    "schedule", ["30 1 * * *", "*/5 * * * *", "0 0-6/2 1,15 * 1-5", "59 23 31 12 0"]
)
def test_schedules_that_are_cron(schedule: str) -> None:
    assert cron_problem(schedule) == ""


@pytest.mark.parametrize(
    "schedule",
    [
        *("", "* * * *", "* * * * * *", "60 * * * *", "0 0 0 * *", "0 0 * 13 *", "0 0 * * 7"),
        *("5-1 * * * *", "*/0 * * * *", "a * * * *", "@daily", "0  1 * * *", "1, * * * *"),
    ],
)
def test_schedules_that_are_not(schedule: str) -> None:
    assert "must be" in cron_problem(schedule)
