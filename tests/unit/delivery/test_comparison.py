"""What a drill may change in what it restores, and that any other difference is named."""

import copy
from typing import Any

import pytest

from delivery.changes import changed
from delivery.comparison import apart
from delivery.contents import Key, Kind
from delivery.restore import CHANGES
from delivery.restored import DRILLED

Object = dict[str, Any]
SPACES = {"web": "drill-web"}
BINDINGS = "rolebindings.rbac.authorization.k8s.io"
ROLE = "eks.amazonaws.com/role-arn"


class Cluster:
    """A cluster that has these objects."""

    def __init__(self, *items: Object) -> None:
        self._items = list(items)

    def items(self, path: str) -> list[Object]:
        assert "/namespaces/drill-web/" in path
        return self._items


def _apart(resource: str, held: Object, restored: Object) -> list[str]:
    kind = Kind(resource=resource, version="v1")
    key = Key(kind=kind, namespace="web", name=held["metadata"]["name"])
    return list(apart(Cluster(restored), {key: held}, SPACES, DRILLED))  # type: ignore[arg-type]


def _object(**more: Any) -> Object:
    metadata = {"name": "one", "namespace": "web", **more.pop("metadata", {})}
    return {"apiVersion": "v1", "kind": "Any", "metadata": metadata, **more}


ACCOUNT = _object(metadata={"annotations": {ROLE: "archive", "kept": "1"}})
BINDING = _object(subjects=[{"kind": "ServiceAccount", "name": "web", "namespace": "web"}])
BALANCER = _object(
    metadata={"finalizers": ["service.k8s.aws/resources"]},
    spec={
        "type": "LoadBalancer",
        "loadBalancerClass": "service.k8s.aws/nlb",
        "externalTrafficPolicy": "Cluster",
        "clusterIP": "10.0.0.1",
        "ports": [{"port": 80, "nodePort": 30000}],
    },
)


@pytest.mark.parametrize(
    ("resource", "held", "restored"),
    [
        ("serviceaccounts", ACCOUNT, _object(metadata={"annotations": {"kept": "1"}})),
        (
            BINDINGS,
            BINDING,
            _object(subjects=[{**BINDING["subjects"][0], "namespace": "drill-web"}]),
        ),
        (
            "services",
            BALANCER,
            _object(spec={"type": "ClusterIP", "clusterIP": "10.0.0.2", "ports": [{"port": 80}]}),
        ),
        ("deployments.apps", _object(spec={"replicas": 3}), _object(spec={"replicas": 0})),
        ("cronjobs.batch", _object(spec={"suspend": False}), _object(spec={"suspend": True})),
    ],
    ids=["account", "binding", "balancer", "deployment", "schedule"],
)
def test_what_a_drill_changes_is_no_difference_and_unchanged_it_is_one(
    resource: str, held: Object, restored: Object
) -> None:
    assert _apart(resource, held, restored) == []
    (said,) = _apart(resource, held, held)
    assert said.startswith(f"{resource} web/one differs in ")


@pytest.mark.parametrize(
    ("resource", "held", "path", "value", "said"),
    [
        ("serviceaccounts", ACCOUNT, ("metadata", "annotations", "kept"), "2", "annotations.kept"),
        (BINDINGS, BINDING, ("subjects", 0, "name"), "other", "subjects[0].name"),
        (BINDINGS, BINDING, ("subjects", 0, "namespace"), "other", "subjects[0].namespace"),
        ("services", BALANCER, ("spec", "ports", 0, "port"), 81, "spec.ports[0].port"),
        ("services", BALANCER, ("spec", "type"), "NodePort", "spec.type"),
        ("deployments.apps", _object(spec={"replicas": 3}), ("spec", "replicas"), 1, "replicas"),
        ("services", _object(spec={"clusterIP": "None"}), ("spec", "clusterIP"), "10.0.0.1", "IP"),
    ],
)
def test_any_other_difference_is_named(
    resource: str, held: Object, path: tuple[Any, ...], value: object, said: str
) -> None:
    restored = copy.deepcopy(changed(resource, held, DRILLED))
    for subject in restored.get("subjects", []):
        subject["namespace"] = "drill-web"
    assert _apart(resource, held, restored) == []
    inner = restored
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    (problem,) = _apart(resource, held, restored)
    assert problem.endswith(f"{said}.")


def test_an_object_that_did_not_come_back_is_named_beside_one_that_did() -> None:
    kind = Kind(resource="configmaps", version="v1")
    one, other = (_object(metadata={"name": name}) for name in ("one", "other"))
    held = {
        Key(kind=kind, namespace="web", name=item["metadata"]["name"]): item
        for item in (one, other)
    }
    (said,) = apart(Cluster(one), held, SPACES, DRILLED)  # type: ignore[arg-type]
    assert said == "configmaps web/other was not restored."


def test_only_patronis_own_config_maps_lose_their_annotations() -> None:
    labels = {"app.kubernetes.io/name": "database", "app.kubernetes.io/instance": "database"}
    annotations = {"initialize": "7"}

    def kept(name: str, labels: dict[str, str]) -> bool:
        metadata = {"name": name, "labels": labels, "annotations": annotations}
        made = changed("configmaps", _object(metadata=metadata), CHANGES)
        return bool(made["metadata"].get("annotations") == annotations)

    assert not kept("database-config", labels)
    assert kept("database-settings", labels)
    assert kept("database-config-of-mine", labels)
    assert kept("database-config", {})
