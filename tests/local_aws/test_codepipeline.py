"""CodePipeline, CodeBuild and connections: kept as CloudFormation asks, refused where it would."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from delivery.released import released
from local.rehearsal.cloud import Actor, root
from local.rehearsal.errors import ActionFailedError
from tests.local_aws.support import ACCOUNT, REGION, Account, StackFailedError
from tests.rehearsal import small


@pytest.fixture(scope="module")
def pipeline(account: Account) -> Iterator[str]:
    with account.stack(small.template(ACCOUNT)) as stack:
        yield stack


@pytest.fixture
def services(account: Account) -> Actor:
    return root(account.server.endpoint, ACCOUNT, REGION)


def test_a_stacks_pipeline_is_what_clients_see(account: Account, pipeline: str) -> None:
    client = account.client("codepipeline")
    shown = client.get_pipeline(name=small.NAME)["pipeline"]
    assert (shown["version"], shown["pipelineType"]) == (1, "V2")
    assert [stage["name"] for stage in shown["stages"]][-1] == "prod"
    (prepare, _, smoke) = shown["stages"][2]["actions"]
    assert prepare["configuration"]["ActionMode"] == "CHANGE_SET_REPLACE"
    assert smoke["inputArtifacts"] == [{"name": "Code"}]
    runs = client.list_pipeline_executions(pipelineName=small.NAME)["pipelineExecutionSummaries"]
    assert [run["trigger"]["triggerType"] for run in runs] == ["CreatePipeline"]
    assert account.server.audit(pipeline) == []


def test_a_changed_pipeline_has_another_version_and_a_new_run(account: Account) -> None:
    client = account.client("codepipeline")
    with account.stack({**small.template(ACCOUNT), **_renamed("other")}) as stack:
        account.update(stack, {**small.template(ACCOUNT, more=1), **_renamed("other", more=1)})
        shown = client.get_pipeline(name="other")["pipeline"]
        assert shown["version"] == 2
        assert len(shown["stages"][1]["actions"]) == 2
        runs = client.list_pipeline_executions(pipelineName="other")["pipelineExecutionSummaries"]
        assert len(runs) == 2
    with pytest.raises(ClientError, match="PipelineNotFoundException"):
        client.get_pipeline(name="other")


def _renamed(name: str, more: int = 0) -> dict[str, Any]:
    """Parts of the small pipeline that must have another name beside it."""
    made = small.template(ACCOUNT, more=more)
    made["Pipeline"]["Properties"]["Name"] = name
    made["Bucket"]["Properties"]["BucketName"] = f"{name}-{ACCOUNT}"
    del made["Deployer"]["Properties"]["RoleName"]
    return {key: made[key] for key in ("Pipeline", "Bucket", "Deployer")}


def _no_role(pipeline: dict[str, Any]) -> None:
    pipeline["RoleArn"] = f"arn:aws:iam::{ACCOUNT}:role/nobody"


def _no_bucket(pipeline: dict[str, Any]) -> None:
    pipeline["ArtifactStore"]["Location"] = "nowhere"


def _first_version(pipeline: dict[str, Any]) -> None:
    pipeline["PipelineType"] = "V1"


def _unknown_action(pipeline: dict[str, Any]) -> None:
    pipeline["Stages"][4]["Actions"][0]["ActionTypeId"]["Provider"] = "ECS"


def _unknown_configuration(pipeline: dict[str, Any]) -> None:
    pipeline["Stages"][4]["Actions"][0]["Configuration"]["OutputFileName"] = "x"


def _artifact_of_nobody(pipeline: dict[str, Any]) -> None:
    pipeline["Stages"][4]["Actions"][0]["InputArtifacts"] = [{"Name": "Other"}]


def _twice(pipeline: dict[str, Any]) -> None:
    pipeline["Stages"][4]["Actions"] *= 2


def _too_many(pipeline: dict[str, Any]) -> None:
    one = pipeline["Stages"][3]["Actions"][0]
    pipeline["Stages"][3]["Actions"] = [{**one, "Name": f"a{number}"} for number in range(51)]


def _retry(pipeline: dict[str, Any]) -> None:
    pipeline["Stages"][2]["OnFailure"] = {"Result": "RETRY"}


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_no_role, "Role .*nobody does not exist"),
        (_no_bucket, "artifact store nowhere must be a bucket of the account"),
        (_first_version, "PipelineType must be V2"),
        (_unknown_action, "Deploy by ECS is not emulated"),
        (_unknown_configuration, "property OutputFileName is not emulated"),
        (_artifact_of_nobody, "Input artifact Other of Prepare is made by no action before it"),
        (_twice, "Prepare is there twice"),
        (_too_many, "1 to 50 actions"),
        (_retry, "OnFailure RETRY is not emulated"),
    ],
)
def test_what_codepipeline_would_not_take_is_refused(
    account: Account, spoil: Any, said: str
) -> None:
    made = copy.deepcopy({**small.template(ACCOUNT), **_renamed("spoilt")})
    spoil(made["Pipeline"]["Properties"])
    name = f"spoilt-{spoil.__name__.strip('_').replace('_', '-')}"
    try:
        with pytest.raises(StackFailedError, match=said):
            account.create(name, made)
    finally:
        account.delete(name)


def test_calls_that_nothing_answers_are_refused(account: Account, pipeline: str) -> None:
    client = account.client("codepipeline")
    with pytest.raises(ClientError, match="PutApprovalResult is not emulated"):
        client.put_approval_result(
            pipelineName=small.NAME,
            stageName="approve-prod",
            actionName="Approve",
            result={"summary": "", "status": "Approved"},
            token="none",
        )


def test_a_build_is_under_way_until_its_runner_says_otherwise(
    account: Account, pipeline: str, services: Actor
) -> None:
    client = account.client("codebuild")
    project = account.resource(pipeline, "Smoke")
    build = client.start_build(projectName=project)["build"]
    assert build["buildStatus"] == "IN_PROGRESS"
    services.ask("RecordBuild", {"id": build["id"], "status": "FAILED"})
    (found,) = client.batch_get_builds(ids=[build["id"]])["builds"]
    assert found["buildStatus"] == "FAILED"


def test_runs_are_listed_for_who_may_of_this_pipeline(
    account: Account, pipeline: str, services: Actor
) -> None:
    def listed(resource: str) -> Any:
        statement = small.allow("codepipeline:ListPipelineExecutions", resource)
        made = {"Role": small.role({"Service": "codebuild.amazonaws.com"}, statement)}
        with account.stack(made) as stack:
            arn = f"arn:aws:iam::{ACCOUNT}:role/{account.resource(stack, 'Role')}"
            actor = services.serve("codebuild.amazonaws.com", arn, "arn:aws:codebuild:x", "test")
            return actor.client("codepipeline").list_pipeline_executions(pipelineName=small.NAME)

    where = f"arn:aws:codepipeline:{REGION}:{ACCOUNT}:"
    assert listed(f"{where}{small.NAME}")["pipelineExecutionSummaries"]
    with pytest.raises(ClientError, match="AccessDenied"):
        listed(f"{where}other")


def test_a_run_is_of_a_commit_and_so_is_one_that_goes_back_to_it(
    account: Account, pipeline: str, services: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = account.client("codepipeline")
    good = client.start_pipeline_execution(name=small.NAME)["pipelineExecutionId"]
    source = {"actionName": "Commit", "revisionId": "1" * 40, "revisionSummary": "one"}
    known = {"pipelineName": small.NAME, "pipelineExecutionId": good}
    for _ in range(2):
        services.ask("RecordSource", {**known, **source})
    back = client.rollback_stage(
        pipelineName=small.NAME, stageName="dev", targetPipelineExecutionId=good
    )["pipelineExecutionId"]

    def shown() -> Any:
        runs = client.list_pipeline_executions(pipelineName=small.NAME)
        found = runs["pipelineExecutionSummaries"][:2]
        assert [run["pipelineExecutionId"] for run in found] == [back, good]
        return found

    assert [run["sourceRevisions"] for run in shown()] == [[source], [source]]
    assert shown()[0]["trigger"]["triggerType"] == "ManualRollback"
    begun = {"pipelineName": small.NAME, "pipelineExecutionId": back, "status": "InProgress"}
    services.ask("RecordRun", {**begun, "triggerType": "AutomatedRollback"})
    assert shown()[0]["trigger"]["triggerType"] == "AutomatedRollback"
    monkeypatch.setattr("boto3.client", account.client)
    assert released(small.NAME) == ""
    services.ask("RecordRun", {**known, "status": "Succeeded"})
    assert released(small.NAME) == source["revisionId"]


def test_a_project_keeps_its_key_and_where_it_logs(account: Account) -> None:
    made = {"Role": small.role({"Service": "codebuild.amazonaws.com"})}
    made["Project"] = small.project("Role", {"version": "0.2", "phases": {}})
    logs = {"CloudWatchLogs": {"Status": "ENABLED", "GroupName": "somewhere"}}
    made["Project"]["Properties"] |= {"EncryptionKey": "alias/one", "LogsConfig": logs}
    with account.stack(made) as stack:
        name = account.resource(stack, "Project")

        def shown() -> Any:
            return account.client("codebuild").batch_get_projects(names=[name])["projects"][0]

        assert shown()["encryptionKey"] == "alias/one"
        assert shown()["logsConfig"]["cloudWatchLogs"]["groupName"] == "somewhere"
        made["Project"]["Properties"]["EncryptionKey"] = "alias/two"
        account.update(stack, made)
        assert shown()["encryptionKey"] == "alias/two"
        made["Project"]["Properties"]["VpcConfig"] = {"VpcId": "vpc-1"}
        with pytest.raises(StackFailedError, match="VpcConfig is not emulated"):
            account.update(stack, made)


def test_a_project_is_made_once_its_role_may_have_its_connection(account: Account) -> None:
    """CodeBuild tries it at once: a policy that comes after the project comes too late."""

    def made(*actions: str) -> dict[str, Any]:
        trust = {"Service": "codebuild.amazonaws.com"}
        project = small.project("Role", {"version": "0.2", "phases": {}})
        project["Properties"]["Artifacts"] = {"Type": "NO_ARTIFACTS"}
        project["Properties"]["Source"] |= {
            "Type": "GITHUB",
            "Location": "https://github.com/example/small.git",
            "Auth": {"Type": "CODECONNECTIONS", "Resource": small.CONNECTION},
        }
        allowed = small.allow([f"codeconnections:{one}" for one in actions], small.CONNECTION)
        return {"Role": small.role(trust, allowed), "Project": project}

    name = "without-connection"
    try:
        said = "OAuthProviderException: .* may not codeconnections:GetConnectionToken"
        with pytest.raises(StackFailedError, match=said):
            account.create(name, made("GetConnection", "UseConnection"))
    finally:
        account.delete(name)
    with account.stack(made("GetConnection", "GetConnectionToken")):
        pass


def test_a_service_gets_only_roles_that_trust_it(
    account: Account, pipeline: str, services: Actor
) -> None:
    worker = f"arn:aws:iam::{ACCOUNT}:role/{account.resource(pipeline, 'Worker')}"
    made = services.serve("codebuild.amazonaws.com", worker, "arn:aws:codebuild:x", "test")
    assert ":assumed-role/" in made.client("sts").get_caller_identity()["Arn"]
    with pytest.raises(ActionFailedError, match=r"lambda\.amazonaws\.com is not authorized"):
        services.serve("lambda.amazonaws.com", worker, "arn:aws:lambda:x", "test")
    with pytest.raises(ActionFailedError, match=r"Only the account's root"):
        made.ask("RecordBuild", {"id": "x", "status": "SUCCEEDED"})


def test_a_service_is_judged_by_the_conditions_of_the_trust(
    account: Account, services: Actor
) -> None:
    trust = {"Service": "codebuild.amazonaws.com"}
    made = {"Role": small.role(trust)}
    (statement,) = made["Role"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    statement["Condition"] = {"StringEquals": {"aws:SourceAccount": "999999999999"}}
    with account.stack(made) as stack:
        arn = f"arn:aws:iam::{ACCOUNT}:role/{account.resource(stack, 'Role')}"
        with pytest.raises(ActionFailedError, match="not authorized to perform: sts:AssumeRole"):
            services.serve("codebuild.amazonaws.com", arn, "arn:aws:codebuild:x", "test")
        statement["Condition"]["StringEquals"]["aws:SourceAccount"] = ACCOUNT
        account.update(stack, made)
        services.serve("codebuild.amazonaws.com", arn, "arn:aws:codebuild:x", "test")


def test_a_connection_may_be_used_by_who_is_let(
    account: Account, pipeline: str, services: Actor
) -> None:
    given = {"connectionArn": small.CONNECTION}
    services.ask("ConfirmConnection", {**given, "repository": "example/small"})
    shown = account.client("codeconnections").get_connection(ConnectionArn=small.CONNECTION)
    assert shown["Connection"]["ConnectionStatus"] == "AVAILABLE"
    worker = f"arn:aws:iam::{ACCOUNT}:role/{account.resource(pipeline, 'Worker')}"
    made = services.serve("codebuild.amazonaws.com", worker, "arn:aws:codebuild:x", "test")
    with pytest.raises(ActionFailedError, match="codeconnections:UseConnection on resource"):
        made.ask("UseConnection", given)
    services.ask("ForgetConnection", given)
    with pytest.raises(ActionFailedError, match="Connection not found"):
        made.ask("UseConnection", given)
