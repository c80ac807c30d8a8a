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
    ("before", "changed", "field"),
    [
        (_set(), _set("2Gi"), "spec.volumeClaimTemplates"),
        (_set(), _set(serviceName="b"), "spec.serviceName"),
        (_set(), _set(selector={"matchLabels": {"a": "b"}}), "spec.selector"),
        (_set(), _set(podManagementPolicy="Parallel"), "spec.podManagementPolicy"),
        (
            _object("Deployment", selector={"matchLabels": {"a": "b"}}),
            _object("Deployment", selector={"matchLabels": {"a": "c"}}),
            "spec.selector",
        ),
        (_object("Job", template={"a": 1}), _object("Job", template={"a": 2}), "spec.template"),
        (
            {**_object("StorageClass"), "parameters": {"type": "gp2"}},
            {**_object("StorageClass"), "parameters": {"type": "gp3"}},
            "parameters",
        ),
        (
            {**_object("PriorityClass"), "value": 1},
            {**_object("PriorityClass"), "value": 2},
            "value",
        ),
        (
            {**_object("RoleBinding"), "roleRef": {"name": "a"}},
            {**_object("RoleBinding"), "roleRef": {"name": "b"}},
            "roleRef",
        ),
    ],
)
def test_a_field_that_is_set_for_good_is_named(
    before: dict[str, Any], changed: dict[str, Any], field: str
) -> None:
    (problem,) = problems(_stack(before), _stack(changed))
    kind = before["kind"]
    assert problem.startswith(f"dev-One: {kind}/web/data can't change its {field} ")
    assert ("docs/grow-volumes.md" in problem) is (field == "spec.volumeClaimTemplates")
    accepted = {f"dev-One/{kind}/web/data": "changed by hand"}
    assert list(problems(_stack(before), _stack(changed), accepted)) == []


def test_what_changes_in_place_is_fine() -> None:
    for changes in ({"replicas": 3}, {"replicas": 1, "template": {"a": "b"}}):
        assert list(problems(_stack(_set(replicas=1)), _stack(_set(**changes)))) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"replicas": 1}, "from 3 to 1 replicas, and all that are too many would end at once"),
        ({"replicas": 4, "template": {"a": "b"}}, "from 3 to 4 replicas and change its pods"),
    ],
)
def test_members_that_could_go_with_the_primary_among_them_are_told(
    changes: dict[str, Any], words: str
) -> None:
    old, new = _stack(_set(replicas=3)), _stack(_set(**{"replicas": 3, **changes}))
    (problem,) = problems(old, new)
    assert problem.startswith(f"dev-One: StatefulSet/web/data would go {words}")
    assert list(problems(old, new, {"dev-One/StatefulSet/web/data": "by hand"})) == []
    # Pods that hold nothing come and go.
    old, new = (_stack(_object("Deployment", replicas=number)) for number in (3, 1))
    assert list(problems(old, new)) == []


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
