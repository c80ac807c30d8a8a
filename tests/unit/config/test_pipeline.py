"""A pipeline that can't run is refused in a sentence; a commit's images replace the table's."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from config.environments import PIPELINE, TABLE
from config.errors import ConfigError
from config.model import Table
from config.node_group import Taint
from config.release import IMAGES, images, needed, released
from tests.tables import WHOLE

DEV = PIPELINE.deployments[0]
TOOLING = TABLE.tooling
DIGEST = f"docker.io/a/b:1@sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("field", "value", "right"),
    [
        ("connection_arn", PIPELINE.connection_arn.partition("/")[0], "a connection"),
        (
            "connection_arn",
            PIPELINE.connection_arn.replace(TOOLING.account, TABLE.environments[0].account),
            f"in account {TOOLING.account}",
        ),
        (
            "connection_arn",
            PIPELINE.connection_arn.replace(TOOLING.region, "no-where-1"),
            f"region {TOOLING.region}",
        ),
        ("repository", "platform", "owner/name"),
        ("repository", "group/sub/name", "a repository of GitHub, such as 'owner/name'"),
        ("branch", "ma in", "a branch's name"),
        ("docker_hub_secret", "", "a secret's name"),
        ("log_retention_days", 8, "CloudWatch Logs keeps e.g. 7 days"),
        ("artifact_days", 6, "7 to 365"),
        ("deployments", (), "another one of dev, stage, prod"),
        ("deployments", (DEV, DEV), "another one of dev, stage, prod"),
        ("deployments", (replace(DEV, environment="qa"),), "another one of dev, stage, prod"),
        ("deployments", (replace(DEV, url="web.example.com"),), "https://web.example.com"),
        ("deployments", (replace(DEV, alarm_minutes=4),), "5 to 60: the quickest"),
        ("deployments", (replace(DEV, alarm_minutes=61),), "5 to 60"),
        ("deployments", (replace(DEV, load_options="; ls"),), "--users 100"),
    ],
)
def test_a_wrong_value_is_named(field: str, value: Any, right: str) -> None:
    with pytest.raises(ConfigError, match=rf"^pipeline: {field}.*{right}"):
        replace(PIPELINE, **{field: value})


def _with_group(**changes: Any) -> Table:
    """The table, with one more node group in dev."""
    dev = TABLE.environments[0]
    arm = replace(
        dev.cluster.node_groups[0],
        name="graviton",
        instance_types=("m7g.large",),
        ami_type="AL2023_ARM_64_STANDARD",
        **changes,
    )
    cluster = replace(dev.cluster, node_groups=(*dev.cluster.node_groups, arm))
    return replace(TABLE, environments=(replace(dev, cluster=cluster), *TABLE.environments[1:]))


def test_nodes_that_no_image_is_built_for_take_no_pods_of_it() -> None:
    said = (
        r"^pipeline: dev\.cluster\.node_groups\[graviton\]\.ami_type is 'AL2023_ARM_64_STANDARD'; "
        "the pipeline builds no arm64 image for database, drill, whose pods may land there: "
    )
    with pytest.raises(ConfigError, match=said):
        replace(PIPELINE, table=_with_group())
    # What its owner lets in has images of its own.
    replace(PIPELINE, table=_with_group(taints=(Taint(key="arm", effect="NO_SCHEDULE"),)))


def test_a_commits_images_go_to_every_environment() -> None:
    table = released(TABLE, dict.fromkeys(IMAGES, DIGEST))
    for before, after in zip(TABLE.environments, table.environments, strict=True):
        assert after.web.image == DIGEST
        assert (after.database is None) == (before.database is None)
        assert after.database is None or after.database.image == DIGEST
        assert after.backup.drill_image == DIGEST
        others = {"web": before.web, "database": before.database, "backup": before.backup}
        assert replace(after, **others) == before  # type: ignore[arg-type] # each its own


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        json.dumps({"web": DIGEST, "database": DIGEST}),
        json.dumps({"web": DIGEST, "database": DIGEST, "drill": "docker.io/a/b:1"}),
        json.dumps({"web": DIGEST, "database": DIGEST, "drill": DIGEST, "other": DIGEST}),
    ],
)
def test_images_without_digests_are_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "images.json"
    file.write_text(content)
    with pytest.raises(ConfigError, match=r"images\.json: it is .*delivery\.images writes"):
        images(file)


def test_a_table_without_a_database_needs_no_image_of_one(tmp_path: Path) -> None:
    without = [replace(one, database=None) for one in WHOLE.environments]
    some = replace(WHOLE, environments=(WHOLE.environments[0], *without[1:]))
    assert set(needed(some)) == set(IMAGES)
    none = replace(WHOLE, environments=tuple(without))
    assert set(needed(none)) == {"web", "drill"}
    file = tmp_path / "images.json"
    file.write_text(json.dumps(dict.fromkeys(needed(none), DIGEST)))
    made = released(none, images(file, needed(none)))
    assert {one.web.image for one in made.environments} == {DIGEST}
    with pytest.raises(ConfigError, match="digest for each of web, database, drill"):
        images(file, needed(some))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        images(tmp_path / "none.json")
