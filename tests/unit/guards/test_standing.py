"""What an update can't change in a cluster, or would leave behind there, is told before."""

import json
from typing import Any

import pytest

from guards.assembly import Templates
from guards.standing import problems


def _stack(*objects: dict[str, Any], prune: bool = True) -> Templates:
    properties = {"Manifest": json.dumps(objects), **({"PruneLabel": "mine"} if prune else {})}
    resource = {"Type": "Custom::AWSCDK-EKS-KubernetesResource", "Properties": properties}
    return {"dev-One": {"Resources": {"Applied": resource}}}


def _object(kind: str, name: str = "data", **spec: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"namespace": "web", "name": name}, "spec": spec}


def _set(size: str = "1Gi", **spec: Any) -> dict[str, Any]:
    claim = {"spec": {"resources": {"requests": {"storage": size}}}}
    return _object("StatefulSet", **{"volumeClaimTemplates": [claim], "serviceName": "a", **spec})


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        (_set("2Gi"), "volumeClaimTemplates"),
        (_set(serviceName="b"), "serviceName"),
        (_set(selector={"matchLabels": {"a": "b"}}), "selector"),
        (_set(podManagementPolicy="Parallel"), "podManagementPolicy"),
    ],
)
def test_a_field_that_is_set_for_good_is_named(changed: dict[str, Any], field: str) -> None:
    (problem,) = problems(_stack(_set()), _stack(changed))
    assert problem.startswith(f"dev-One: StatefulSet/web/data can't change its spec.{field} ")
    assert "docs/grow-volumes.md" in problem
    accepted = {"dev-One/StatefulSet/web/data": "grown by hand"}
    assert list(problems(_stack(_set()), _stack(changed), accepted)) == []


def test_what_changes_in_place_is_fine() -> None:
    assert list(problems(_stack(_set(replicas=1)), _stack(_set(replicas=3)))) == []


@pytest.mark.parametrize(
    ("kind", "prune", "stays"),
    [
        ("NetworkPolicy", True, True),
        ("RoleBinding", True, True),
        ("HorizontalPodAutoscaler", True, True),
        ("Ingress", True, False),
        ("CronJob", True, False),
        ("CronJob", False, True),
    ],
)
def test_what_would_stay_behind_is_named(kind: str, prune: bool, stays: bool) -> None:
    service = _object("Service")
    old = _stack(service, _object(kind, "old"), prune=prune)
    found = list(problems(old, _stack(service, prune=prune)))
    assert [f"dev-One: {kind}/web/old leaves the manifest Applied" in p for p in found] == (
        [True] if stays else []
    )
    accepted = {f"dev-One/{kind}/web/old": "deleted by hand"}
    assert list(problems(old, _stack(service, prune=prune), accepted)) == []


@pytest.mark.parametrize(("subject", "stays"), [("Group", 0), ("ServiceAccount", 1)])
def test_a_right_without_anybody_is_no_right(subject: str, stays: int) -> None:
    binding = {**_object("RoleBinding", "old"), "subjects": [{"kind": subject, "name": "x"}]}
    service = _object("Service")
    old = _stack(service, binding, _object("Role", "old"), prune=False)
    assert len(list(problems(old, _stack(service, prune=False)))) == stays


def test_what_moves_goes_with_its_namespace_or_with_its_manifest_leaves_nothing() -> None:
    policy = _object("NetworkPolicy")
    space = {"kind": "Namespace", "metadata": {"name": "web"}}
    both = _stack(policy, space)
    moved = {"Other": _stack(policy)["dev-One"]["Resources"]["Applied"]}
    new = {"dev-One": {"Resources": {**_stack(space)["dev-One"]["Resources"], **moved}}}
    assert list(problems(both, new)) == []
    assert list(problems(both, _stack())) == []
    assert list(problems(both, {"dev-One": {"Resources": {}}})) == []
