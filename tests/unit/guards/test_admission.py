"""An admission policy that refuses less is told as what it is: somebody may do more."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from guards.permissions import broadened, lines
from k8s.drill_policy import drill_policy

POLICY = drill_policy(
    "drills",
    namespace="velero",
    account="drill",
    targets={"web": "drill-web"},
    modifier="drill",
)


def _lines(objects: Any) -> list[str]:
    manifest = {
        "Type": "Custom::AWSCDK-EKS-KubernetesResource",
        "Properties": {"Manifest": json.dumps(objects)},
    }
    return lines({"dev-Workloads": {"Resources": {"Drill": manifest}}})


def _after(change: Callable[[Any, Any], Any]) -> list[str]:
    objects = copy.deepcopy(list(POLICY))
    change(*objects)
    return broadened(_lines(POLICY), _lines([item for item in objects if item]))


@pytest.mark.parametrize(
    "change",
    [
        lambda policy, binding: policy["spec"]["validations"].pop(),
        lambda policy, binding: policy["spec"]["validations"][0].update(expression="true"),
        lambda policy, binding: policy["spec"]["matchConditions"][0].update(expression="false"),
        lambda policy, binding: policy["spec"]["matchConstraints"]["resourceRules"].pop(),
        lambda policy, binding: policy["spec"].update(failurePolicy="Ignore"),
        lambda policy, binding: binding["spec"].update(validationActions=["Audit"]),
        lambda policy, binding: policy.clear(),
        lambda policy, binding: binding.clear(),
    ],
    ids=["less", "anything", "nobody", "a kind less", "ignored", "not denied", "gone", "unbound"],
)
def test_one_that_refuses_less_is_told(change: Callable[[Any, Any], Any]) -> None:
    found = _after(change)
    assert found
    assert all(line.startswith("no longer: dev-Workloads ValidatingAdmission") for line in found)


def test_one_that_refuses_more_or_says_it_in_other_words_is_not() -> None:
    more = {"expression": "false", "message": "Nothing at all."}
    assert _after(lambda policy, binding: policy["spec"]["validations"].append(more)) == []
    assert _after(lambda policy, binding: policy["spec"]["validations"][0].update(message="")) == []
