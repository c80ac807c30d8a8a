"""Node groups: their nodes follow, and a new version comes alone."""

from typing import Any

import pytest

from tests.local_aws.clusters import FULL, Cluster, node_group, template
from tests.local_aws.support import StackFailedError


def test_nodes_follow_their_group(full: Cluster) -> None:
    def nodes() -> list[dict[str, Any]]:
        return list(full.kubectl("get", "nodes", "-o", "json")["items"])

    assert len(nodes()) == 2
    assert {node["metadata"]["labels"]["role"] for node in nodes()} == {"general"}
    assert "dedicated" in [taint["key"] for taint in nodes()[0]["spec"]["taints"]]
    full.account.update(full.stack, {**FULL, "Nodes": node_group(3, tier="one")})
    assert len(nodes()) == 3
    assert {node["metadata"]["labels"].get("tier") for node in nodes()} == {"one"}
    full.account.update(full.stack, FULL)
    assert len(nodes()) == 2
    assert {node["metadata"]["labels"].get("tier") for node in nodes()} == {None}


def _group(cluster: Cluster) -> dict[str, Any]:
    name = cluster.account.resource(cluster.stack, "Nodes").split("/")[1]
    found = cluster.account.client("eks").describe_nodegroup(
        clusterName=cluster.name, nodegroupName=name
    )
    return dict(found["nodegroup"])


@pytest.mark.parametrize(
    "change",
    [
        {"Template": template(40), "Nodes": node_group(3)},
        {"Template": template(40), "Nodes": node_group(2, tier="one")},
        {
            "Nodes": {
                **node_group(2),
                "Properties": {
                    **node_group(2)["Properties"],
                    "ReleaseVersion": "1.35.0-20260101",
                    "Tags": {"team": "one"},
                },
            }
        },
    ],
    ids=["template and size", "template and labels", "release and tags"],
)
def test_a_new_version_of_a_node_group_comes_alone(full: Cluster, change: dict[str, Any]) -> None:
    before = _group(full)
    refusal = "Version and ReleaseVersion updates cannot be combined with other updates"
    with pytest.raises(StackFailedError, match=refusal):
        full.account.update(full.stack, {**FULL, **change})
    after = _group(full)
    for member in ("scalingConfig", "labels", "releaseVersion", "tags"):
        assert after[member] == before[member]


def test_a_new_launch_template_alone_reaches_the_node_group(full: Cluster) -> None:
    before = int(_group(full)["launchTemplate"]["version"])
    full.account.update(full.stack, {**FULL, "Template": template(60)})
    after = int(_group(full)["launchTemplate"]["version"])
    full.account.update(full.stack, FULL)
    assert after > before
