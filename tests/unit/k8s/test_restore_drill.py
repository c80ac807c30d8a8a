"""The drill's pod, and that it may do what it has to and no more."""

from typing import Any

import pytest

from config.environments import TABLE
from config.model import Environment
from delivery import drill, report, restore, restored, scope
from k8s import database, restore_drill
from k8s.database_settings import SCOPE
from tests.synthesis import Synthesis, manifests, references

Manifest = dict[str, Any]


def _objects(synthesis: Synthesis, environment: str) -> list[Manifest]:
    found = manifests(synthesis.template(environment, "Workloads"))
    return [item for item in found if item["metadata"]["name"] == restore_drill.NAME]


@pytest.mark.parametrize("environment", TABLE.environments, ids=lambda e: e.name)
def test_the_schedule_and_the_namespaces_are_the_tables(
    synthesis: Synthesis, environment: Environment
) -> None:
    objects = _objects(synthesis, environment.name)
    (cron,) = (item["spec"] for item in objects if item["kind"] == "CronJob")
    assert cron["schedule"] == environment.backup.drill
    (container,) = cron["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    given = container["args"]
    assert f"--environment={environment.name}" in given
    assert ("--namespace=database" in given) is (environment.database is not None)
    assert ("--no-data" in given) is (environment.database is None)


def test_names_in_chart_and_code_are_one() -> None:
    assert (drill.PREFIX, restored.MODIFIER) == (restore_drill.PREFIX, restore_drill.MODIFIER)
    assert scope.CRON_JOB == restore_drill.NAME
    assert restore.ELECTION.labels == database.LABELS
    # Patroni's names: patroni.dcs.kubernetes, where Endpoints aren't used.
    kinds = ("config", "failover", "leader", "sync")
    assert sorted(restore.ELECTION.names) == [f"{SCOPE}-{kind}" for kind in kinds]


def test_it_deletes_its_own_namespaces_only_and_reads_no_others(synthesis: Synthesis) -> None:
    objects = _objects(synthesis, "prod")
    (everywhere,) = (item for item in objects if item["kind"] == "ClusterRole")
    for rule in everywhere["rules"]:
        assert rule["resources"] == ["namespaces"]
        if "delete" in rule["verbs"]:
            assert all(name.startswith("drill-") for name in rule["resourceNames"])
    for role in (item for item in objects if item["kind"] == "Role"):
        verbs = {verb for rule in role["rules"] for verb in rule["verbs"]}
        if role["metadata"]["namespace"] != "velero":
            assert verbs == {"get", "list"}
        else:
            assert not any("*" in rule["resources"] for rule in role["rules"])


def test_it_reads_backups_and_writes_reports_and_one_metric(synthesis: Synthesis) -> None:
    template = synthesis.template("prod", "Workloads")
    (association,) = (
        a
        for a in template.properties("AWS::EKS::PodIdentityAssociation")
        if a["ServiceAccount"] == restore_drill.NAME
    )
    role = template["Resources"][next(references(association["RoleArn"]))]["Properties"]
    (policy,) = role["Policies"]
    allowed = {
        action: statement
        for statement in policy["PolicyDocument"]["Statement"]
        for action in (
            statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        )
    }
    assert set(allowed) == {
        "s3:GetObject",
        "s3:ListBucket",
        "s3:PutObject",
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "cloudwatch:PutMetricData",
    }
    assert str(allowed["s3:PutObject"]["Resource"]).count(f"/{report.REPORTS}/*") == 1
    assert allowed["cloudwatch:PutMetricData"]["Condition"] == {
        "StringEquals": {"cloudwatch:namespace": report.METRIC_NAMESPACE}
    }


@pytest.mark.parametrize("environment", TABLE.environments, ids=lambda e: e.name)
def test_a_drill_that_failed_or_did_not_run_wakes_somebody(
    synthesis: Synthesis, environment: Environment
) -> None:
    template = synthesis.template(environment.name, "Observability")
    late, failed = (
        alarm
        for alarm in template.properties("AWS::CloudWatch::Alarm")
        if alarm["AlarmName"].startswith(f"{environment.name}-restore-drill")
    )
    for alarm in (late, failed):
        assert (alarm["Namespace"], alarm["MetricName"]) == (report.METRIC_NAMESPACE, report.METRIC)
        assert alarm["Dimensions"] == [{"Name": report.DIMENSION, "Value": environment.name}]
    # None has passed: one pass is enough, and that there are no verdicts is a fault.
    assert (late["Statistic"], late["TreatMissingData"]) == ("Maximum", "breaching")
    seconds = late["Period"] * late["EvaluationPeriods"]
    assert seconds == 3600 * environment.backup.alarm_hours <= 7 * 24 * 3600
    # One has failed: whatever passed before, and once.
    assert (failed["Statistic"], failed["TreatMissingData"]) == ("Minimum", "notBreaching")
    assert failed["Period"] * failed["EvaluationPeriods"] == 3600


@pytest.mark.parametrize("environment", TABLE.environments, ids=lambda e: e.name)
def test_what_its_account_asks_of_velero_is_judged(
    synthesis: Synthesis, environment: Environment
) -> None:
    """By the API server: tests/local_backup/test_drill_policy.py has what it lets through."""
    objects = {item["kind"]: item for item in _objects(synthesis, environment.name)}
    policy = objects["ValidatingAdmissionPolicy"]["spec"]
    binding = objects["ValidatingAdmissionPolicyBinding"]["spec"]
    assert (binding["policyName"], binding["validationActions"]) == ("restore-drill", ["Deny"])
    assert policy["failurePolicy"] == "Fail"
    (whose,) = policy["matchConditions"]
    assert whose["expression"].endswith(" == 'system:serviceaccount:velero:restore-drill'")
    judged = {r for rule in policy["matchConstraints"]["resourceRules"] for r in rule["resources"]}
    # Whatever kind it may make whose content is Velero's to act on.
    assert {"restores", "configmaps"} <= judged
    (targets,) = (v["expression"] for v in policy["variables"] if v["name"] == "targets")
    assert ("'database': 'drill-database'" in targets) is (environment.database is not None)


def test_a_drill_that_is_told_to_end_has_time_to_clean_up(synthesis: Synthesis) -> None:
    (cron,) = (item for item in _objects(synthesis, "prod") if item["kind"] == "CronJob")
    job = cron["spec"]["jobTemplate"]["spec"]
    assert job["template"]["spec"]["terminationGracePeriodSeconds"] == 120
