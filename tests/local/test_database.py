"""The database as dev has it, and what a migration that fails leaves behind."""

import json
from typing import Any

from config.environments import DEV
from tests.local.machine import Machine, eventually


def _get(dev: Machine, *what: str) -> Any:
    return dev.kubectl("get", *what, "-o", "json")


def test_every_member_has_its_volume(dev: Machine) -> None:
    assert DEV.database is not None
    database = _get(dev, "statefulset", "database", "-n", "database")
    assert database["status"]["readyReplicas"] == DEV.database.members
    claims = _get(dev, "pvc", "-n", "database")["items"]
    assert len(claims) == DEV.database.members
    for claim in claims:
        assert claim["status"]["phase"] == "Bound"
        assert claim["status"]["capacity"]["storage"] == f"{DEV.database.storage_gib}Gi"
        assert claim["spec"]["storageClassName"] == "gp3"


def test_the_schema_came_before_the_web_service(dev: Machine) -> None:
    (job,) = _get(dev, "jobs", "-n", "web")["items"]
    assert job["status"]["succeeded"] == 1
    pods = _get(dev, "pods", "-n", "web", "-l", "app.kubernetes.io/name=web")["items"]
    assert all(job["status"]["completionTime"] <= pod["status"]["startTime"] for pod in pods)


def test_members_may_hold_elections_and_no_more(dev: Machine) -> None:
    def may(*question: str) -> bool:
        account = "system:serviceaccount:database:database"
        rules = dev.kubectl("auth", "can-i", "--list", "-n", "database", "--as", account)
        verb, resource = question
        return any(
            line.split()[0] == resource and verb in line.rpartition("[")[2].rstrip("]").split()
            for line in rules.splitlines()
        )

    assert may("create", "configmaps")
    assert may("patch", "pods")
    for question in (("delete", "configmaps"), ("create", "pods"), ("get", "secrets")):
        assert not may(*question), question


def test_nobody_but_its_readers_gets_a_password(dev: Machine) -> None:
    secrets = dev.client("secretsmanager")
    found = [s for s in secrets.list_secrets()["SecretList"] if "dev-Workloads" in s["Name"]]
    values = {s["Name"]: secrets.get_secret_value(SecretId=s["Name"]) for s in found}
    assert len({one["SecretString"] for one in values.values()}) == 3
    for one in values.values():
        assert len(one["SecretString"]) == 40
        assert one["SecretString"].isalnum()
    everything = json.dumps(
        [_get(dev, f"{kind}", "-A") for kind in ("configmaps", "pods", "secrets", "statefulsets")]
    )
    template = dev.client("cloudformation").get_template(StackName="dev-Workloads")
    for one in values.values():
        assert one["SecretString"] not in everything
        assert one["SecretString"] not in str(template["TemplateBody"])


def test_the_archives_role_is_for_the_databases_pods(dev: Machine) -> None:
    resources = dev.client("cloudformation").list_stack_resources(StackName="dev-Workloads")
    (role,) = (
        r["PhysicalResourceId"]
        for r in resources["StackResourceSummaries"]
        if "Archive" in r["LogicalResourceId"]
    )
    iam = dev.client("iam")
    found = iam.get_role(RoleName=role)["Role"]
    (statement,) = found["AssumeRolePolicyDocument"]["Statement"]
    cluster = dev.client("eks").describe_cluster(name="dev")["cluster"]
    issuer = cluster["identity"]["oidc"]["issuer"].removeprefix("https://")
    assert statement["Principal"]["Federated"].endswith(f":oidc-provider/{issuer}")
    assert statement["Condition"]["StringEquals"] == {
        f"{issuer}:aud": "sts.amazonaws.com",
        f"{issuer}:sub": ["system:serviceaccount:database:database"],
    }
    account = _get(dev, "serviceaccount", "database", "-n", "database")
    assert account["metadata"]["annotations"]["eks.amazonaws.com/role-arn"] == found["Arn"]


def test_a_failed_migration_leaves_the_old_version_serving(changing: Machine) -> None:
    before = _get(changing, "deployment", "web", "-n", "web")
    done = changing.up("web.image=crash.invalid/web:2", "web.rollout_seconds=30")
    assert done.returncode == 1
    assert "Job web/migrations-2-" in done.stderr
    assert "container migrations ended with exit code 1" in done.stderr
    assert changing.stack("Workloads")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    web = _get(changing, "deployment", "web", "-n", "web")
    # Not a pod of the new version was started.
    assert web["metadata"]["generation"] == before["metadata"]["generation"]
    assert web["status"]["readyReplicas"] >= 3

    def jobs() -> list[str]:
        return [job["metadata"]["name"] for job in _get(changing, "jobs", "-n", "web")["items"]]

    # What failed is gone, so that the same release can be tried again.
    assert eventually(lambda: [name for name in jobs() if "-0-1-0-" in name] == jobs())
