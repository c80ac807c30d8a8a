"""The pipeline's stack: what it may do, what it keeps, and in which order things happen."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack, aws_logs, aws_s3
from cfnlint.api import ManualArgs, lint

import app
from config.environments import PIPELINE, TABLE
from config.pipeline import METRIC_DELAY_MINUTES, WATCH_LEAST_MINUTES
from guards import nag, reviewed
from guards.nag_pipeline import IN_PIPELINE
from local.paths import ROOT
from mindforce.alarms import Alarm
from mindforce.platform_alarms import platform_alarms
from mindforce.pull_request_check import PullRequestCheck
from tests.snapshot.snapshots import FOLDER, tooling
from tests.synthesis import Template
from tests.unit.stacks.test_cfn_lint import IGNORED


class Made:
    """The app with its pipeline, synthesized once, under cdk-nag's eyes."""

    def __init__(self, output: Path) -> None:
        from aws_cdk import Validations
        from cdk_nag import AwsSolutionsChecks

        context = json.loads((ROOT / "cdk.json").read_text())["context"]
        made = app.build(TABLE, output=str(output), context=context, pipeline=PIPELINE)
        Validations.of(made.node.find_child("Pipeline")).add_plugins(AwsSolutionsChecks())
        with pytest.raises(RuntimeError, match="ValidationFailed"):
            made.synth()
        self.output = output
        self.template = Template(json.loads((output / "Pipeline.template.json").read_text()))

    @property
    def pipeline(self) -> Mapping[str, Any]:
        return self.template.only("AWS::CodePipeline::Pipeline")

    def stage(self, name: str) -> Mapping[str, Any]:
        (found,) = (stage for stage in self.pipeline["Stages"] if stage["Name"] == name)
        stage: Mapping[str, Any] = found
        return stage

    def orders(self, name: str) -> Mapping[str, int]:
        return {action["Name"]: action["RunOrder"] for action in self.stage(name)["Actions"]}

    def spec(self, project: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = json.loads(self.project(project)["Source"]["BuildSpec"])
        return found

    def project(self, name: str) -> Mapping[str, Any]:
        projects = self.template.properties("AWS::CodeBuild::Project")
        (found,) = (one for one in projects if one.get("Name") == f"mindforce-{name}")
        return found

    def statements(self) -> Iterator[Mapping[str, Any]]:
        for policy in self.template.properties("AWS::IAM::Policy"):
            yield from policy["PolicyDocument"]["Statement"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("pipeline"))


def test_it_is_v2_and_changes_itself_before_it_deploys(made: Made) -> None:
    assert made.pipeline["PipelineType"] == "V2"
    assert made.pipeline["RestartExecutionOnUpdate"] is True
    assert [stage["Name"] for stage in made.pipeline["Stages"]] == [
        "Source",
        "Build",
        "UpdatePipeline",
        "Assets",
        "dev",
        "stage",
        "approve-prod",
        "prod",
    ]


def test_no_stage_has_more_actions_than_codepipeline_takes(made: Made) -> None:
    assert max(len(stage["Actions"]) for stage in made.pipeline["Stages"]) <= 50


def test_it_deploys_the_environments_as_the_cli_does(made: Made) -> None:
    for environment in TABLE.environments:
        paths = {
            action["Configuration"]["TemplatePath"]
            for action in made.stage(environment.name)["Actions"]
            if "TemplatePath" in action["Configuration"]
        }
        folder = f"assembly-{environment.name}"
        files = (made.output / folder).glob("*.template.json")
        assert paths == {f"Synth_Output::{folder}/{file.name}" for file in files}


def test_gates_come_in_their_order(made: Made) -> None:
    dev, stage, prod = (made.orders(name) for name in ("dev", "stage", "prod"))
    assert dev["smoke-dev"] > dev["Workloads.Deploy"]
    assert stage["migrations-stage"] < min(
        order for name, order in stage.items() if name != "migrations-stage"
    )
    assert stage["load-stage"] > stage["smoke-stage"] > stage["Workloads.Deploy"]
    assert prod["alarms-prod"] > prod["Observability.Deploy"]
    review = made.orders("approve-prod")
    assert review["approve-prod"] > review["review-prod"]


def test_a_stage_that_fails_goes_back_and_an_approval_does_not(made: Made) -> None:
    rolled_back = {
        stage["Name"]: stage.get("OnFailure", {}).get("Result") for stage in made.pipeline["Stages"]
    }
    assert {name for name, result in rolled_back.items() if result} == {"dev", "stage", "prod"}
    assert set(rolled_back.values()) == {None, "ROLLBACK"}


def test_the_synthesis_step_runs_what_a_person_runs(made: Made) -> None:
    commands = made.spec("Synth")["phases"]["build"]["commands"]
    assert commands == ["make check", "make pipeline IMAGES=release/images.json"]


def test_what_checks_everything_has_memory_for_it(made: Made) -> None:
    sizes = {
        project.get("Name"): project["Environment"]["ComputeType"] for project in _projects(made)
    }
    larger = {name for name, size in sizes.items() if size == "BUILD_GENERAL1_MEDIUM"}
    assert larger == {"mindforce-Synth", "mindforce-pull-requests"}
    assert set(sizes.values()) == {"BUILD_GENERAL1_SMALL", "BUILD_GENERAL1_MEDIUM"}


def test_all_tools_are_pinned(made: Made) -> None:
    pinned = json.loads((ROOT / "package.json").read_text())["devDependencies"]
    specs = [project["Source"]["BuildSpec"] for project in _projects(made)]
    texts = [text if "\n" in text else (made.output / text).read_text() for text in specs]
    installed = {name for text in texts for name in re.findall(r"npm install -g ([^\"]+)", text)}
    assert installed == {f"aws-cdk@{pinned['aws-cdk']}", f"cdk-assets@{pinned['cdk-assets']}"}


def test_artifacts_are_private_under_a_key_that_rotates(made: Made) -> None:
    key = made.template.only("AWS::KMS::Key")
    bucket = made.template.only("AWS::S3::Bucket")
    assert key["EnableKeyRotation"] is True
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert (
        bucket["LifecycleConfiguration"]["Rules"][0]["ExpirationInDays"] == PIPELINE.artifact_days
    )
    assert all(project["EncryptionKey"] for project in _projects(made))
    for kind in ("AWS::KMS::Key", "AWS::S3::Bucket"):
        (resource,) = made.template.resources(kind).values()
        assert resource["DeletionPolicy"] == "Retain"


def test_logs_are_kept_for_a_while_and_all_go_there(made: Made) -> None:
    assert (
        made.template.only("AWS::Logs::LogGroup")["RetentionInDays"] == PIPELINE.log_retention_days
    )
    (group,) = made.template.resources("AWS::Logs::LogGroup")
    for project in _projects(made):
        assert project["LogsConfig"]["CloudWatchLogs"]["GroupName"] == {"Ref": group}


def test_the_connection_may_be_used_by_both_of_its_names(made: Made) -> None:
    allowed: dict[str, set[str]] = {}
    for policy in made.template.properties("AWS::IAM::Policy"):
        for statement in policy["PolicyDocument"]["Statement"]:
            if statement["Resource"] == PIPELINE.connection_arn:
                for role in policy["Roles"]:
                    allowed.setdefault(role["Ref"], set()).update(_listed(statement["Action"]))
    roles = [
        project["ServiceRole"]["Fn::GetAtt"][0]
        for project in _projects(made)
        if not project.get("Name", "-selfupdate").endswith(("-selfupdate", "-pull-requests"))
    ]
    assert len(roles) >= 11
    cloning = set(roles)
    for role in cloning:
        assert {
            "codeconnections:UseConnection",
            "codestar-connections:UseConnection",
        } <= allowed[role], role
    assert len(allowed) == len(cloning) + 2, "and the source action's, and that of pull requests"


def test_its_roles_trust_builds_the_pipeline_and_its_actions_the_pipelines_role(
    made: Made,
) -> None:
    """No account and nobody of another one."""
    own = made.pipeline["RoleArn"]["Fn::GetAtt"][0]
    builds = {one["ServiceRole"]["Fn::GetAtt"][0] for one in _projects(made)}
    acts = {
        action["RoleArn"]["Fn::GetAtt"][0]
        for stage in made.pipeline["Stages"]
        for action in stage["Actions"]
        if "Fn::GetAtt" in action["RoleArn"]
    }
    assert len(acts) == 3, "of the source, of builds and of the approval"
    trusted = {
        name: [
            statement["Principal"]
            for statement in role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        ]
        for name, role in made.template.resources("AWS::IAM::Role").items()
    }
    assert trusted == {
        own: [{"Service": "codepipeline.amazonaws.com"}],
        **{name: [{"Service": "codebuild.amazonaws.com"}] for name in builds},
        **{name: [{"AWS": {"Fn::GetAtt": [own, "Arn"]}}] for name in acts},
    }


def test_nobody_may_do_everything(made: Made) -> None:
    for statement in made.statements():
        assert "*" not in _listed(statement["Action"])


def test_what_looks_at_environments_deploys_nothing(made: Made) -> None:
    (role,) = (
        name
        for name, one in made.template.resources("AWS::IAM::Role").items()
        if one["Properties"].get("RoleName") == "mindforce-pipeline"
    )
    assumed: list[str] = []
    actions: set[str] = set()
    for policy in made.template.properties("AWS::IAM::Policy"):
        if {"Ref": role} in policy["Roles"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                actions |= set(_listed(statement["Action"]))
                if statement["Action"] == "sts:AssumeRole":
                    assumed += _listed(statement["Resource"])
    services = {"cloudformation", "codepipeline", "iam"}
    sees = {action for action in actions if action.split(":")[0] in services}
    assert sees == {"codepipeline:ListPipelineExecutions"}
    assert assumed
    assert all(
        re.search(r":role/(mindforce-pipeline|cdk-\w+-lookup-role-)", arn) for arn in assumed
    )


def run_of(made: Made, stage: str, step: str) -> str | None:
    """The run of the pipeline that a step is told it is part of."""
    (action,) = (one for one in made.stage(stage)["Actions"] if one["Name"] == step)
    variables = json.loads(action["Configuration"].get("EnvironmentVariables", "[]"))
    return {one["name"]: one["value"] for one in variables}.get("RUN")


def test_alarms_are_told_which_run_to_blame(made: Made) -> None:
    for name in ("dev", "stage", "prod"):
        told = run_of(made, name, f"alarms-{name}")
        assert told == "mindforce/#{codepipeline.PipelineExecutionId}"


def test_migrations_are_told_whose_last_run_was_the_last_release(made: Made) -> None:
    told = run_of(made, "stage", "migrations-stage")
    assert told == "mindforce/#{codepipeline.PipelineExecutionId}"
    role = made.project("migrations-stage")["ServiceRole"]["Fn::GetAtt"][0]
    allowed = [
        (statement["Action"], statement["Resource"])
        for policy in made.template.properties("AWS::IAM::Policy")
        if {"Ref": role} in policy["Roles"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    where = f"{TABLE.tooling.region}:{TABLE.tooling.account}"
    pipeline = f"arn:aws:codepipeline:{where}:mindforce"
    assert ("codepipeline:ListPipelineExecutions", pipeline) in allowed
    # It runs the service's code.
    assert "sts:AssumeRole" not in str(allowed)


def test_a_watch_is_as_long_as_alarms_take_to_be_raised() -> None:
    quickest = {
        min(alarm.minutes for alarm in _watched(sees_requests=sees)) for sees in (True, False)
    }
    assert quickest == {WATCH_LEAST_MINUTES - METRIC_DELAY_MINUTES}
    minutes = {alarm.name: alarm.minutes for alarm in _watched(sees_requests=True)}
    dev, stage, prod = (one.alarm_minutes - METRIC_DELAY_MINUTES for one in PIPELINE.deployments)
    # Everywhere what a commit breaks in the service, and in production whatever is watched.
    assert min(dev, stage) >= max(minutes["web-unhealthy"], minutes["web-errors"])
    assert prod >= max(minutes.values())


def _watched(*, sees_requests: bool) -> Sequence[Alarm]:
    return platform_alarms(
        cluster_name="dev", max_nodes=1, web_errors_per_minute=1, sees_requests=sees_requests
    )


def test_the_login_is_no_plain_text(made: Made) -> None:
    variables = made.project("Images")["Environment"]["EnvironmentVariables"]
    assert {one["Name"]: (one["Type"], one["Value"]) for one in variables} == {
        "DOCKER_HUB_USERNAME": ("SECRETS_MANAGER", f"{PIPELINE.docker_hub_secret}:username"),
        "DOCKER_HUB_TOKEN": ("SECRETS_MANAGER", f"{PIPELINE.docker_hub_secret}:accessToken"),
    }


def test_pull_requests_are_checked_without_a_right_to_deploy(made: Made) -> None:
    project = made.project("pull-requests")
    phases = json.loads(project["Source"]["BuildSpec"])["phases"]
    assert set(phases["build"]["commands"]) == {"make check", "make pipeline"}
    # CodeBuild runs them after a check that failed, too.
    (_, *pages) = phases["post_build"]["commands"]
    for page, name in zip(pages, ("dev", "stage", "prod", "tooling"), strict=True):
        assert f"--since origin/{PIPELINE.branch} --to report/{name}.html {name} cdk.out" in page
    (events, base) = project["Triggers"]["FilterGroups"][0]
    assert "PULL_REQUEST_CREATED" in events["Pattern"]
    assert base["Pattern"] == f"^refs/heads/{PIPELINE.branch}$"
    policy = project["Triggers"]["PullRequestBuildPolicy"]
    assert policy["RequiresCommentApproval"] == "FORK_PULL_REQUESTS"
    role = project["ServiceRole"]["Fn::GetAtt"][0]
    (allowed,) = (
        one["PolicyDocument"]["Statement"]
        for one in made.template.properties("AWS::IAM::Policy")
        if {"Ref": role} in one["Roles"]
    )
    services = {action.split(":")[0] for one in allowed for action in _listed(one["Action"])}
    assert services == {"s3", "kms", "logs", "codeconnections", "codestar-connections"}
    for one in allowed:
        actions = _listed(one["Action"])
        # Without these two CodeBuild writes to no bucket.
        if str(actions[0]).startswith("s3:") and "s3:GetBucketLocation" not in actions:
            assert "/mindforce-pull-requests/*" in json.dumps(one["Resource"])


def test_codebuild_may_try_the_connection_when_the_project_is_made(made: Made) -> None:
    (project,) = (
        name
        for name, one in made.template.resources("AWS::CodeBuild::Project").items()
        if one["Properties"].get("Name") == "mindforce-pull-requests"
    )
    (policy,) = (
        name
        for name, one in made.template.resources("AWS::IAM::Policy").items()
        if "codeconnections:GetConnectionToken" in json.dumps(one)
    )
    assert made.template.comes_after(project, policy)


def test_an_older_connection_has_its_own_permissions() -> None:
    app = App()
    stack = Stack(app, "Test")
    bucket, group = aws_s3.Bucket(stack, "Bucket"), aws_logs.LogGroup(stack, "Logs")
    connection = PIPELINE.connection_arn.replace("codeconnections", "codestar-connections")
    PullRequestCheck(
        stack,
        "PullRequests",
        name="check",
        account=TABLE.tooling.account,
        connection_arn=connection,
        repository=PIPELINE.repository,
        branch=PIPELINE.branch,
        bucket=bucket,
        key_arn="key",
        log_group=group,
        buildspec={},
    )
    template = Template(app.synth().get_stack_by_name("Test").template)
    (statement,) = (
        one
        for policy in template.properties("AWS::IAM::Policy")
        for one in policy["PolicyDocument"]["Statement"]
        if one["Resource"] == connection
    )
    assert set(statement["Action"]) == {
        "codestar-connections:GetConnection",
        "codestar-connections:GetConnectionToken",
        "codestar-connections:UseConnection",
        "codeconnections:UseConnection",
    }


def test_its_template_and_what_it_allows_are_as_they_were_reviewed(made: Made) -> None:
    assert list(reviewed.problems(made.output)) == []
    kept = {
        str(file.relative_to(FOLDER)): file.read_text()
        for file in (FOLDER / TABLE.tooling.name).iterdir()
    }
    rendered = dict(tooling(made.output))
    assert {"tooling/Pipeline.template.json", "tooling/permissions.txt"} == set(rendered)
    changed = {name for name in {*kept, *rendered} if kept.get(name) != rendered.get(name)}
    assert not changed, "renew with 'make snapshots', and review"


def test_only_the_images_are_built_with_privileges(made: Made) -> None:
    privileged = {
        project.get("Name")
        for project in _projects(made)
        if project["Environment"].get("PrivilegedMode")
    }
    assert privileged == {"mindforce-Images"}


def test_it_keeps_to_cloudformations_rules_and_limits(made: Made) -> None:
    # E3703 takes roles for plain text that CDK joins of the partition and the rest.
    ignored = [*IGNORED, "E3703"]
    found = lint(made.template.text, config=ManualArgs(ignore_checks=ignored))
    assert [str(match) for match in found] == []
    assert len(made.template["Resources"]) <= 130
    assert len(made.template.text) <= 250_000


def test_cdk_nag_finds_nothing_without_a_reason(made: Made) -> None:
    found = [one for one in nag.findings(made.output / "validation-report.json") if _ours(one)]
    assert found
    assert [one for one in found if not any(known.covers(one) for known in IN_PIPELINE)] == []
    assert [known for known in IN_PIPELINE if not any(map(known.covers, found))] == []


def _ours(finding: nag.Finding) -> bool:
    return finding.environment == "Pipeline"


def _projects(made: Made) -> Sequence[Mapping[str, Any]]:
    return made.template.properties("AWS::CodeBuild::Project")


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
