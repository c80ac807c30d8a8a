"""What raising the Kubernetes version changes: versions, in place, and nothing else."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import config.cluster
from config.cluster import AUTOSCALERS, KUBECTL_VERSION
from config.environments import PROD, TABLE
from config.errors import ConfigError
from tests.synthesis import Synthesis, Template, plain

Change = tuple[str, str, object, object]


def test_one_line_raises_control_plane_nodes_and_autoscaler_and_nothing_else(
    synthesis: Synthesis, tmp_path: Path
) -> None:
    newer = replace(PROD, cluster=replace(PROD.cluster, version="1.36"))
    later = Synthesis(replace(TABLE, environments=(newer,)), tmp_path)
    for stack in ("Network", "Backup", "Workloads", "Observability"):
        assert dict(later.template("prod", stack)) == dict(synthesis.template("prod", stack))
    platforms = synthesis.template("prod", "Platform"), later.template("prod", "Platform")
    ((_, path, *values),) = _changes(*platforms)
    assert path == "Values"
    old, new = (json.loads(plain(value)) for value in values)
    assert list(_different(old, new, "")) == [("image.tag", "v1.35.2", "v1.36.1")]
    before = synthesis.template("prod", "Cluster")
    after = later.template("prod", "Cluster")
    changes = list(_changes(before, after))
    kinds = {(before["Resources"][name]["Type"], path) for name, path, _, _ in changes}
    assert kinds == {("AWS::EKS::Cluster", "Version"), ("AWS::EKS::Nodegroup", "Version")}
    assert {(old, new) for _, _, old, new in changes} == {("1.35", "1.36")}
    assert len(changes) == 1 + len(before.resources("AWS::EKS::Nodegroup"))


def test_what_follows_the_version_is_raised_with_it(synthesis: Synthesis) -> None:
    """The autoscaler simulates one version's scheduler; kubectl is the one that the table names."""
    assert all(release.startswith(f"{version}.") for version, release in AUTOSCALERS.items())
    for environment in TABLE.environments:
        version = environment.cluster.version
        values = _autoscaler(synthesis.template(environment.name, "Platform"))
        assert values["image"]["tag"] == f"v{AUTOSCALERS[version]}"
        layers = synthesis.template(environment.name, "Cluster").properties(
            "AWS::Lambda::LayerVersion"
        )
        described = " ".join(layer["Description"] for layer in layers)
        # config/cluster.py refuses versions that this kubectl doesn't serve.
        assert f"/opt/kubectl/kubectl {KUBECTL_VERSION}." in described


def test_a_version_without_an_autoscaler_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config.cluster, "AUTOSCALERS", {"1.35": "1.35.2"})
    with pytest.raises(ConfigError) as caught:
        replace(PROD, cluster=replace(PROD.cluster, version="1.36"))
    assert str(caught.value) == (
        "environment 'prod': cluster.version is '1.36'; "
        "AUTOSCALERS of config/cluster.py has 1.35: add it there"
    )


def _autoscaler(template: Template) -> Any:
    releases = template.properties("Custom::AWSCDK-EKS-HelmChart")
    (found,) = (r for r in releases if r["Release"] == "cluster-autoscaler")
    return json.loads(plain(found["Values"]))


def _changes(before: Template, after: Template) -> Iterator[Change]:
    """Yield (logical id, property's path, old, new) of each difference."""
    # The same logical ids: nothing is made anew.
    assert set(before["Resources"]) == set(after["Resources"])
    for name, resource in before["Resources"].items():
        for path, old, new in _different(resource, after["Resources"][name], ""):
            yield name, path.removeprefix("Properties."), old, new


def _different(old: Any, new: Any, path: str) -> Iterator[tuple[str, object, object]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old.keys() | new.keys():
            where = f"{path}.{key}" if path else key
            yield from _different(old.get(key), new.get(key), where)
    elif old != new:
        yield path, old, new
