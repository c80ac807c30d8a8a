"""What looks for late backups: often enough, by rights and a role that let it do no more."""

from typing import Any

import pytest

from config.environments import TABLE
from config.model import Environment
from delivery import freshness, report
from k8s.backup_freshness import NAME
from tests.synthesis import Synthesis, manifests, references

Manifest = dict[str, Any]


def _objects(synthesis: Synthesis, environment: str) -> dict[str, Manifest]:
    found = manifests(synthesis.template(environment, "Workloads"))
    return {item["kind"]: item for item in found if item["metadata"]["name"] == NAME}


@pytest.mark.parametrize("environment", TABLE.environments, ids=lambda e: e.name)
def test_it_looks_at_every_schedule_by_what_may_lie_between_two(
    synthesis: Synthesis, environment: Environment
) -> None:
    objects = _objects(synthesis, environment.name)
    (container,) = objects["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"][
        "containers"
    ]
    assert container["command"] == ["/usr/bin/python3", "-m", freshness.__name__]
    platform = manifests(synthesis.template(environment.name, "Platform"))
    schedules = {item["metadata"]["name"] for item in platform if item["kind"] == "Schedule"}
    assert container["args"] == [
        f"--environment={environment.name}",
        "--schedule=hourly=1",
        "--schedule=daily=24",
    ]
    assert schedules == {"hourly", "daily"}
    (rule,) = (r for r in objects["Role"]["rules"] if r["resources"] == ["schedules"])
    assert set(rule["resourceNames"]) == schedules


def test_it_reads_backups_and_schedules_of_veleros_namespace_only(synthesis: Synthesis) -> None:
    objects = _objects(synthesis, "prod")
    assert set(objects) == {"CronJob", "Role", "RoleBinding", "ServiceAccount"}
    assert {item["metadata"]["namespace"] for item in objects.values()} == {"velero"}
    allowed = {
        (r, v)
        for rule in objects["Role"]["rules"]
        for r in rule["resources"]
        for v in rule["verbs"]
    }
    assert allowed == {("backups", "list"), ("schedules", "get")}
    (subject,) = objects["RoleBinding"]["subjects"]
    assert subject == {"kind": "ServiceAccount", "name": NAME, "namespace": "velero"}


def test_its_role_in_aws_publishes_its_metric_and_no_drills(synthesis: Synthesis) -> None:
    template = synthesis.template("prod", "Workloads")
    (association,) = (
        a
        for a in template.properties("AWS::EKS::PodIdentityAssociation")
        if a["ServiceAccount"] == NAME
    )
    role = template["Resources"][next(references(association["RoleArn"]))]["Properties"]
    (policy,) = role["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Action"] == "cloudwatch:PutMetricData"
    assert statement["Condition"] == {
        "StringEquals": {"cloudwatch:namespace": freshness.METRIC_NAMESPACE}
    }
    assert "ManagedPolicyArns" not in role


@pytest.mark.parametrize("environment", TABLE.environments, ids=lambda e: e.name)
def test_backups_that_are_late_or_that_nobody_looks_for_wake_somebody(
    synthesis: Synthesis, environment: Environment
) -> None:
    (alarm,) = (
        alarm
        for alarm in synthesis.template(environment.name, "Observability").properties(
            "AWS::CloudWatch::Alarm"
        )
        if alarm["AlarmName"] == f"{environment.name}-backup-late"
    )
    metric = (alarm["Namespace"], alarm["MetricName"])
    assert metric == (freshness.METRIC_NAMESPACE, freshness.METRIC)
    assert alarm["Dimensions"] == [{"Name": report.DIMENSION, "Value": environment.name}]
    # In each of these hours it was late all along, or nobody said that it wasn't.
    assert (alarm["Statistic"], alarm["TreatMissingData"]) == ("Minimum", "breaching")
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 0)
    assert (alarm["Period"], alarm["EvaluationPeriods"]) == (3600, environment.backup.late_hours)
