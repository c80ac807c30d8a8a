"""Our own pipeline: bootstrapped and deployed as people do it, and its first steps."""

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from config.baseline import EXECUTION_POLICY
from config.environments import PIPELINE, TABLE
from local.rehearsal.cloud import Actor
from local.rehearsal.errors import ActionFailedError
from tests.local_aws.support import Server
from tests.policies import denied_to_cloudformation
from tests.rehearsal.own import Own

FIRST = ["Source/example_platform", "Build/Images", "Build/Synth", "UpdatePipeline/SelfMutate"]
DEV = 'Deployment(environment="dev", url="https://dev.example.com", alarm_minutes=8)'


@dataclass(frozen=True)
class Standing:
    """The pipeline, and what `make bootstrap APPLY=1` said on the way."""

    own: Own
    without_policy: subprocess.CompletedProcess[str]
    first: subprocess.CompletedProcess[str]
    again: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def standing(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Standing:
    own = Own(server, tmp_path_factory.mktemp("own"))
    own.clone()
    own.make_accounts()
    without_policy = own.bootstrap()
    own.make_policies()
    first, again = own.bootstrap(), own.bootstrap()
    own.synthesize()
    own.deploy()
    own.confirm_connection()
    return Standing(own, without_policy, first, again)


def test_bootstrap_wants_the_accounts_baseline_first(standing: Standing) -> None:
    done, account = standing.without_policy, TABLE.tooling.account
    assert done.returncode == 1
    assert f"error: tooling: account {account} has no policy {EXECUTION_POLICY}" in done.stderr
    assert "'make accounts APPLY=1' makes it, once terraform/baseline/" in done.stderr


def test_bootstrap_can_be_repeated(standing: Standing) -> None:
    assert standing.first.returncode == 0, standing.first.stderr
    assert standing.again.returncode == 0, standing.again.stderr
    for config in (TABLE.tooling, *TABLE.environments):
        client = standing.own.account(config).client("cloudformation")
        (stack,) = client.describe_stacks(StackName="CDKToolkit")["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"


def test_an_account_lets_in_tooling_and_gives_cloudformation_our_policy(
    standing: Standing,
) -> None:
    tooling = TABLE.tooling.account
    for config in (TABLE.tooling, *TABLE.environments):
        iam = standing.own.account(config).client("iam")
        where = f"{config.account}-{config.region}"
        execution = iam.list_attached_role_policies(
            RoleName=f"cdk-hnb659fds-cfn-exec-role-{where}"
        )["AttachedPolicies"]
        assert [one["PolicyName"] for one in execution] == [EXECUTION_POLICY]
        for kind in ("deploy", "lookup", "file-publishing"):
            role = iam.get_role(RoleName=f"cdk-hnb659fds-{kind}-role-{where}")["Role"]
            principals = [
                statement["Principal"]["AWS"]
                for statement in role["AssumeRolePolicyDocument"]["Statement"]
            ]
            said = json.dumps(principals)
            assert {number for number in _accounts() if number in said} == {
                config.account,
                tooling,
            }


def _accounts() -> set[str]:
    return {config.account for config in (TABLE.tooling, *TABLE.environments)}


def test_every_property_of_its_stack_is_read(standing: Standing) -> None:
    assert standing.own.server.audit("Pipeline") == []
    shown = standing.own.pipeline()
    assert [stage["name"] for stage in shown["stages"]][-3:] == ["stage", "approve-prod", "prod"]


def test_the_execution_policy_lets_cloudformation_make_change_and_delete_it(
    standing: Standing,
) -> None:
    account = TABLE.tooling.account
    made = {
        entry["type"]
        for entry in standing.own.server.actions()
        if entry.get("account") == account and entry.get("type")
    }
    assert {"AWS::CodePipeline::Pipeline", "AWS::CodeBuild::Project", "AWS::KMS::Key"} <= made
    done = {(kind, operation) for kind in made for operation in ("create", "update", "delete")}
    iam = standing.own.account(TABLE.tooling).client("iam")
    assert denied_to_cloudformation(iam, account, done) == {}


BOOTSTRAPPED = ("deploy", "file-publishing", "image-publishing", "lookup", "cfn-exec")
DEPLOYS: Mapping[str, Callable[[Actor], Any]] = {
    "make a stack": lambda a: a.client("cloudformation").create_stack(
        StackName="dev-Network", TemplateBody="{}"
    ),
    "change the pipeline": lambda a: a.client("cloudformation").create_change_set(
        StackName="Pipeline", ChangeSetName="other", UsePreviousTemplate=True
    ),
    "run the pipeline": lambda a: a.client("codepipeline").start_pipeline_execution(
        name="mindforce"
    ),
    "run another build": lambda a: a.client("codebuild").start_build(projectName="mindforce-Synth"),
    "read the login": lambda a: a.client("secretsmanager").get_secret_value(
        SecretId=PIPELINE.docker_hub_secret
    ),
    "give itself more": lambda a: a.client("iam").put_role_policy(
        RoleName="mindforce-pipeline", PolicyName="more", PolicyDocument="{}"
    ),
}


@pytest.fixture
def pull_request(standing: Standing) -> Actor:
    """Who a pull request's commands are run as."""
    root = standing.own.root
    (project,) = root.client("codebuild").batch_get_projects(names=["mindforce-pull-requests"])[
        "projects"
    ]
    arn = project["arn"]
    return root.serve("codebuild.amazonaws.com", project["serviceRole"], arn, "pull-request")


def test_a_pull_requests_build_becomes_nobody_else(pull_request: Actor) -> None:
    for config in (TABLE.tooling, *TABLE.environments):
        for kind in BOOTSTRAPPED:
            name = f"cdk-hnb659fds-{kind}-role-{config.account}-{config.region}"
            with pytest.raises(ActionFailedError, match="can't be assumed"):
                pull_request.assume(f"arn:aws:iam::{config.account}:role/{name}", "test")
    with pytest.raises(ActionFailedError, match="can't be assumed"):
        pull_request.assume(f"arn:aws:iam::{TABLE.tooling.account}:role/mindforce-pipeline", "test")


@pytest.mark.parametrize("what", DEPLOYS)
def test_a_pull_requests_build_may_not(pull_request: Actor, what: str) -> None:
    with pytest.raises(ClientError, match=r"AccessDenied|not authorized"):
        DEPLOYS[what](pull_request)


def test_a_pull_requests_build_may_clone_and_leave_its_report(
    standing: Standing, pull_request: Actor
) -> None:
    pull_request.ask("UseConnection", {"connectionArn": PIPELINE.connection_arn})
    store = standing.own.pipeline()["artifactStore"]
    key = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": store["encryptionKey"]["id"]}
    s3, bucket = pull_request.client("s3"), store["location"]
    s3.put_object(Bucket=bucket, Key="mindforce-pull-requests/1/report/dev.html", Body=b"", **key)
    for other in ("review/1/prod.html", "mindforce/Synth_Outp/1"):
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.put_object(Bucket=bucket, Key=other, Body=b"", **key)
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.get_object(Bucket=bucket, Key="mindforce/Synth_Outp/1")


def test_without_its_docker_hub_login_it_builds_nothing(standing: Standing) -> None:
    standing.own.remove_secret()
    with pytest.raises(
        ActionFailedError,
        match=f"^Build/Images: DOCKER_HUB_USERNAME .*{PIPELINE.docker_hub_secret}.*first-day",
    ):
        standing.own.rehearse("Build/Synth", 1)


def test_a_commit_that_adds_a_step_is_reviewed_then_changes_it_and_begins_again(
    standing: Standing,
) -> None:
    own = standing.own
    own.make_secret()
    table = own.repository / "config" / "environments.py"
    text = table.read_text()
    assert DEV in text
    table.write_text(text.replace(DEV, DEV.replace("=8)", "=8, load=True)")))
    own.commit("load on dev")
    before = own.pipeline()["version"]
    # Another step has a role of its own, of which nobody has said yet that it may do what it does.
    with pytest.raises(ActionFailedError, match=r"(?s)^Build/Synth: .*make snapshots.*review\."):
        own.rehearse("Build/Synth", 1)
    own.review()
    own.commit("load on dev, reviewed")
    # The second time there is nothing left to change.
    assert own.rehearse("UpdatePipeline/SelfMutate", 2) == FIRST * 2
    shown = own.pipeline()
    assert shown["version"] == before + 1
    (dev,) = (stage for stage in shown["stages"] if stage["name"] == "dev")
    assert "load-dev" in [action["name"] for action in dev["actions"]]
    runs = own.root.client("codepipeline").list_pipeline_executions(pipelineName="mindforce")
    assert [run["status"] for run in runs["pipelineExecutionSummaries"]][:2] == [
        "InProgress",
        "Superseded",
    ]
