"""A small pipeline of the same kinds of actions as ours: seconds instead of minutes."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.local_aws.support import REGION, Account

NAME = "small"
CONNECTION = f"arn:aws:codeconnections:{REGION}:111111111111:connection/{'0' * 8}-0000"
ACTIONS = (
    "Source/Commit",
    "Build/Synth",
    "dev/Prepare",
    "dev/Deploy",
    "dev/Smoke",
    "approve-prod/Approve",
    "prod/Prepare",
    "prod/Deploy",
)
"""In the order in which they run."""
_SYNTH = {
    "version": "0.2",
    "env": {"exported-variables": ["NOTED"]},
    "phases": {"build": {"commands": ["mkdir out", "cp stack.json out/", "NOTED=$(cat noted)"]}},
    "artifacts": {"base-directory": "out", "files": ["**/*"]},
}
_SMOKE = {
    "version": "0.2",
    "phases": {
        "build": {"commands": ['test "$TOPIC" = "$(cat topic)"', "test -f smoke.sh && ./smoke.sh"]},
        "post_build": {"commands": ["echo passed: $CODEBUILD_BUILD_SUCCEEDING"]},
    },
}

_MUTATE = {
    "version": "0.2",
    "phases": {"build": {"commands": ["python mutate.py"]}},
}
MUTATE = """
import boto3, botocore
client = boto3.client("cloudformation")
try:
    body = open("pipeline.json").read()
    capabilities = ["CAPABILITY_NAMED_IAM"]
    client.update_stack(StackName="pipeline", TemplateBody=body, Capabilities=capabilities)
    client.get_waiter("stack_update_complete").wait(StackName="pipeline", WaiterConfig={"Delay": 1})
except botocore.exceptions.ClientError as error:
    if "No updates" not in str(error):
        raise
"""
"""What `cdk deploy` of a pipeline does from within it: its stack becomes what the commit says."""
BROKEN_SMOKE = {
    "version": "0.2",
    "phases": {
        "build": {"commands": ["echo first", "false", "echo never"]},
        "post_build": {"commands": ["echo afterwards, succeeding: $CODEBUILD_BUILD_SUCCEEDING"]},
    },
}
"""A buildspec that fails half-way."""


@dataclass(frozen=True)
class Repository:
    """A git clone with what the small pipeline deploys: a topic of some name."""

    folder: Path

    def begin(self) -> None:
        self.folder.mkdir()
        self._git("init", "--quiet", "--initial-branch", "main")
        (self.folder / "noted").write_text("yes")
        (self.folder / "smoke.sh").write_text("#!/bin/sh\nexit 0\n")
        (self.folder / "smoke.sh").chmod(0o755)
        self.commit("one")

    def commit(self, topic: str, **files: str) -> str:
        """Commit a topic's name, and whatever else; return the commit."""
        (self.folder / "topic").write_text(topic)
        (self.folder / "stack.json").write_text(json.dumps(stack(topic)))
        for name, content in files.items():
            (self.folder / name.replace("_", ".")).write_text(content)
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", "--message", topic)
        return self._git("rev-parse", "HEAD").strip()

    def branch(self, name: str) -> None:
        """Go on from here on a branch of its own."""
        self._git("checkout", "--quiet", "-b", name)

    def tag(self, name: str) -> None:
        self._git("tag", name)

    def _git(self, *words: str) -> str:
        identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
        command = ["git", "-C", str(self.folder), *identity, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def stack(topic: str) -> Mapping[str, Any]:
    """What is deployed: a topic, whose name the stack puts out."""
    return {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": topic}}},
        "Outputs": {"Topic": {"Value": topic}},
    }


def template(
    account: str,
    *,
    smoke: Mapping[str, Any] = _SMOKE,
    more: int = 0,
    mutates: bool = False,
    connection: str = CONNECTION,
    secret: str = "",
    gate: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The pipeline's stack; `more` adds steps to its build, `mutates` one that changes itself.

    `secret` is one that the synthesis gets its TOKEN from, `gate` another pipeline's project, whose
    build takes the place of the smoke test's.
    """
    store = {"Fn::GetAtt": ["Bucket", "Arn"]}
    objects = [store, {"Fn::Join": ["", [store, "/*"]]}]
    key = {"Fn::GetAtt": ["Key", "Arn"]}
    on_store = [
        allow(["s3:GetObject*", "s3:PutObject*", "s3:ListBucket"], objects),
        allow(["kms:Decrypt", "kms:GenerateDataKey"], key),
    ]
    use = allow(["codeconnections:UseConnection", "codestar-connections:UseConnection"], connection)
    assume = allow("sts:AssumeRole", f"arn:aws:iam::{account}:role/*")
    change = allow(["cloudformation:*", "sns:*", "iam:PassRole"], "*")
    start = allow("codebuild:StartBuild", f"arn:aws:codebuild:{REGION}:{account}:project/*")
    pipeline = {"AWS": {"Fn::GetAtt": ["Service", "Arn"]}}
    build_service = {"Service": "codebuild.amazonaws.com"}
    everything = allow("*", "*")
    return {
        "Key": {
            "Type": "AWS::KMS::Key",
            "Properties": {
                "EnableKeyRotation": True,
                "KeyPolicy": document(
                    {
                        **allow("kms:*", "*"),
                        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                    }
                ),
            },
        },
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": f"store-{account}"}},
        "Service": role({"Service": "codepipeline.amazonaws.com"}, *on_store, assume),
        "Act": role(pipeline, *on_store, use, start),
        "Deployer": role(pipeline, *on_store, change, RoleName="small-deployer"),
        "ProdDeployer": role(pipeline, *on_store, change),
        "Executor": role({"Service": "cloudformation.amazonaws.com"}, change),
        "Worker": role(
            {"Service": "codebuild.amazonaws.com"},
            *on_store,
            allow("secretsmanager:GetSecretValue", "*"),
            *([use, assume, allow("codepipeline:ListPipelineExecutions", "*")] if gate else []),
        ),
        "Synth": project("Worker", _SYNTH, secrets={"TOKEN": secret} if secret else {}),
        "Smoke": {**project("Worker", smoke), **(as_worker(gate) if gate else {})},
        **({"Mutator": role(build_service, *on_store, everything)} if mutates else {}),
        **({"Mutate": project("Mutator", _MUTATE)} if mutates else {}),
        "Pipeline": {
            "Type": "AWS::CodePipeline::Pipeline",
            "DependsOn": ["Deployer", "Executor"],
            "Properties": {
                "Name": NAME,
                "PipelineType": "V2",
                "RoleArn": {"Fn::GetAtt": ["Service", "Arn"]},
                "RestartExecutionOnUpdate": True,
                "ArtifactStore": {
                    "Type": "S3",
                    "Location": {"Ref": "Bucket"},
                    "EncryptionKey": {"Type": "KMS", "Id": key},
                },
                "Stages": stages(
                    more, mutates=mutates, connection=connection, clones=gate is not None
                ),
            },
        },
    }


def stages(
    more: int, *, mutates: bool, connection: str, clones: bool
) -> Sequence[Mapping[str, Any]]:
    source = {
        "ConnectionArn": connection,
        "FullRepositoryId": "example/small",
        "BranchName": "main",
        **({"OutputArtifactFormat": "CODEBUILD_CLONE_REF"} if clones else {}),
    }
    steps = [
        build("Synth", "Synth", ["Code"], ["Built"], Namespace="Synth"),
        *(build(f"More{number}", "Synth", ["Code"], []) for number in range(more)),
    ]
    itself = [build("SelfMutate", "Mutate", ["Code"], [])]
    return [
        {"Name": "Source", "Actions": [action("Commit", "Source", source, outputs=["Code"])]},
        {"Name": "Build", "Actions": steps},
        *([{"Name": "UpdatePipeline", "Actions": itself}] if mutates else []),
        {
            "Name": "dev",
            "OnFailure": {"Result": "ROLLBACK"},
            "Actions": [
                *deploy("dev", "Deployer"),
                build(
                    "Smoke",
                    "Smoke",
                    ["Code"],
                    [],
                    RunOrder=3,
                    variables={
                        "TOPIC": "#{Dev.Topic}",
                        "NOTED": "#{Synth.NOTED}",
                        "RUN": f"{NAME}/#{{codepipeline.PipelineExecutionId}}",
                    },
                ),
            ],
        },
        {
            "Name": "approve-prod",
            "Actions": [action("Approve", "Approval", {"CustomData": "Look."})],
        },
        {"Name": "prod", "Actions": deploy("prod", "ProdDeployer")},
    ]


def deploy(name: str, deployer: str) -> list[Mapping[str, Any]]:
    both = {"StackName": f"{name}-App", "ChangeSetName": "PipelineChange"}
    replace = {
        **both,
        "ActionMode": "CHANGE_SET_REPLACE",
        "TemplatePath": "Built::stack.json",
        "RoleArn": {"Fn::GetAtt": ["Executor", "Arn"]},
    }
    by: dict[str, Any] = {"RoleArn": {"Fn::GetAtt": [deployer, "Arn"]}}
    execute = {**both, "ActionMode": "CHANGE_SET_EXECUTE"}
    return [
        action("Prepare", "Deploy", replace, inputs=["Built"], RunOrder=1, **by),
        action("Deploy", "Deploy", execute, RunOrder=2, Namespace=name.title(), **by),
    ]


def build(
    name: str,
    project: str,
    inputs: Sequence[str],
    outputs: Sequence[str],
    variables: Mapping[str, str] | None = None,
    **rest: Any,
) -> Mapping[str, Any]:
    given = [{"name": key, "value": value} for key, value in (variables or {}).items()]
    configuration = {
        "ProjectName": {"Ref": project},
        **({"EnvironmentVariables": json.dumps(given)} if given else {}),
    }
    return action(name, "Build", configuration, inputs=inputs, outputs=outputs, **rest)


def action(
    name: str,
    category: str,
    configuration: Mapping[str, Any],
    *,
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
    **rest: Any,
) -> Mapping[str, Any]:
    owner, provider = {
        "Source": ("AWS", "CodeStarSourceConnection"),
        "Build": ("AWS", "CodeBuild"),
        "Deploy": ("AWS", "CloudFormation"),
        "Approval": ("AWS", "Manual"),
    }[category]
    kind = {"Category": category, "Owner": owner, "Provider": provider, "Version": "1"}
    return {
        "Name": name,
        "ActionTypeId": kind,
        "Configuration": configuration,
        "RoleArn": {"Fn::GetAtt": ["Act", "Arn"]},
        "InputArtifacts": [{"Name": one} for one in inputs],
        "OutputArtifacts": [{"Name": one} for one in outputs],
        **rest,
    }


def project(
    role_id: str, spec: Mapping[str, Any], secrets: Mapping[str, str] | None = None
) -> dict[str, Any]:
    variables = [
        {"Name": name, "Type": "SECRETS_MANAGER", "Value": value}
        for name, value in (secrets or {}).items()
    ]
    return {
        "Type": "AWS::CodeBuild::Project",
        "Properties": {
            "ServiceRole": {"Fn::GetAtt": [role_id, "Arn"]},
            "Artifacts": {"Type": "CODEPIPELINE"},
            "Source": {"Type": "CODEPIPELINE", "BuildSpec": json.dumps(spec, indent=1)},
            "Environment": {
                "Type": "LINUX_CONTAINER",
                "ComputeType": "BUILD_GENERAL1_SMALL",
                "Image": "aws/codebuild/standard:7.0",
                **({"EnvironmentVariables": variables} if variables else {}),
            },
        },
    }


def as_worker(gate: Mapping[str, Any]) -> dict[str, Any]:
    """What another pipeline's project runs, as this one's builds."""
    properties: dict[str, Any] = project("Worker", {})["Properties"]
    spec = {"Type": "CODEPIPELINE", "BuildSpec": gate["Source"]["BuildSpec"]}
    return {"Properties": {**properties, "Source": spec, "Environment": gate["Environment"]}}


def role(
    principal: Mapping[str, Any], *statements: Mapping[str, Any], **rest: Any
) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": document(trust),
            "Policies": [{"PolicyName": "own", "PolicyDocument": document(*statements)}],
            **rest,
        },
    }


def allow(actions: Any, resources: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


def document(*statements: Mapping[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def topic(account: Account, stage: str) -> str | None:
    """Return the name of a stage's topic, None when there is none."""
    try:
        arn = account.resource(f"{stage}-App", "Topic")
    except account.client("cloudformation").exceptions.ClientError:
        return None
    found = account.client("sns").get_topic_attributes(TopicArn=arn)
    return str(found["Attributes"]["DisplayName"])
