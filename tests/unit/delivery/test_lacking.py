"""Which objects a backup must hold: those of every kind that Velero backs up, and no others."""

from typing import Any

import pytest

from delivery.contents import EXCLUDED_LABEL, Key, Kind
from delivery.lacking import kinds, lacking

Object = dict[str, Any]
ALL = ["create", "delete", "get", "list", "watch"]
BEFORE, STARTED, AFTER = (f"2026-01-01T00:00:0{second}Z" for second in (1, 2, 3))
BACKUP = {"metadata": {"name": "b"}, "status": {"startTimestamp": STARTED}}
ONE = Key(kind=Kind(resource="configmaps", version="v1"), namespace="web", name="one")


def _kind(resource: str, scope: str = "Namespaced", verbs: list[str] = ALL) -> Object:
    return {"resource": resource, "scope": scope, "verbs": verbs}


def _group(name: str, **versions: list[Object]) -> Object:
    found = [{"version": version, "resources": of} for version, of in versions.items()]
    return {"metadata": {"name": name} if name else {}, "versions": found}


class Cluster:
    """A cluster that has these Deployments, and a few kinds."""

    def __init__(self, *deployments: Object) -> None:
        self._deployments = list(deployments)

    def get(self, path: str, *, accept: str) -> Object:
        assert "APIGroupDiscoveryList" in accept
        core = _group("", v1=[_kind("configmaps"), _kind("nodes", "Cluster")])
        apps = _group("apps", v1=[_kind("deployments")], v1beta1=[_kind("deployments")])
        old = _group("old.io", v2=[], v1=[_kind("olds")])
        metrics = _group("metrics.k8s.io", v1beta1=[_kind("pods", verbs=["get", "list"])])
        aws = _group("networking.k8s.aws", v1alpha1=[_kind("policyendpoints")])
        return {"items": [core] if path == "api" else [apps, old, metrics, aws]}

    def items(self, path: str) -> list[Object]:
        if path.endswith("/policyendpoints"):
            return [_deployment()]
        return self._deployments if path == "apis/apps/v1/namespaces/web/deployments" else []


def _deployment(made: str = BEFORE, **metadata: Any) -> Object:
    return {"metadata": {"name": "web", "creationTimestamp": made, **metadata}}


def _lacking(*deployments: Object) -> list[str]:
    cluster: Any = Cluster(*deployments)
    return list(lacking(cluster, BACKUP, {ONE: {}}, ["web"]))


def test_kinds_are_those_that_velero_backs_up_in_their_preferred_version() -> None:
    cluster: Any = Cluster()
    assert [(kind.resource, kind.version) for kind in kinds(cluster)] == [
        ("configmaps", "v1"),
        ("deployments.apps", "apps/v1"),
        ("olds.old.io", "old.io/v1"),
        ("policyendpoints.networking.k8s.aws", "networking.k8s.aws/v1alpha1"),
    ]


def test_what_no_backup_holds_is_not_missed() -> None:
    """The cluster has a PolicyEndpoint all along."""
    assert _lacking() == []


def test_an_object_of_a_kind_that_is_not_in_the_backup_is_named() -> None:
    (said,) = _lacking(_deployment())
    assert said == "The backup b lacks deployments.apps web/web, which was there when it was made."


@pytest.mark.parametrize(
    "metadata",
    [{"made": AFTER}, {"labels": {EXCLUDED_LABEL: "true"}}, {"deletionTimestamp": AFTER}],
    ids=["younger", "left out", "on its way out"],
)
def test_what_was_not_to_be_in_it_is_not_missed(metadata: Object) -> None:
    assert _lacking(_deployment(**metadata)) == []
