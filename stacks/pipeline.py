"""The pipeline, in the tooling account."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aws_cdk import Environment as CdkEnvironment
from aws_cdk import PermissionsBoundary, Stack, Stage, aws_codebuild, aws_iam, pipelines
from constructs import Construct

from config.baseline import BOUNDARY
from config.model import PROJECT, Environment
from config.people import PIPELINE
from config.pipeline import Deployment, Pipeline
from mindforce.delivery_pipeline import RUNTIMES, DeliveryPipeline
from mindforce.pipeline_checks import ChecksRole
from mindforce.pull_request_check import PullRequestCheck

_PACKAGES = Path(__file__).resolve().parents[1] / "package.json"
_TOOLS = "python -m pip install --quiet --no-deps --require-hashes -r delivery/requirements.txt"
_EXECUTION = "#{codepipeline.PipelineExecutionId}"
_RUN = f"{PROJECT}/{_EXECUTION}"


class PipelineStack(Stack):
    """A commit's way to production: built once, then through each environment's gates."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        config: Pipeline,
        stages: Mapping[str, Stage],
    ) -> None:
        table, tooling = config.table, config.table.tooling
        super().__init__(
            scope,
            id,
            env=CdkEnvironment(account=tooling.account, region=tooling.region),
            termination_protection=True,
            permissions_boundary=PermissionsBoundary.from_name(BOUNDARY),
            tags={"environment": tooling.name, "project": PROJECT},
        )
        environments = {environment.name: environment for environment in table.environments}
        self._delivery = DeliveryPipeline(
            self,
            "Delivery",
            name=PROJECT,
            connection_arn=config.connection_arn,
            repository=config.repository,
            branch=config.branch,
            artifact_days=config.artifact_days,
            log_retention_days=config.log_retention_days,
        )
        self._checks = ChecksRole(
            self,
            "Checks",
            name=PIPELINE.iam_name,
            account=tooling.account,
            role_arns=[arn for one in table.environments for arn in _looked_at_by(one)],
        )
        self._checks.let_write(self._delivery.bucket, "review/*")
        # When a run began: what was raised before isn't its doing.
        self._checks.let(self._list_runs())
        self._delivery.begin(
            self._synth(config.docker_hub_secret),
            cli_version=_version("aws-cdk"),
            assets_version=_version("cdk-assets"),
        )
        for one in config.deployments:
            environment, stage = environments[one.environment], stages[one.environment]
            if one.approval:
                self._delivery.stop(f"approve-{one.environment}", self._approval(environment))
            self._delivery.deploy(stage, before=self._before(one), after=self._after(one))
        self._delivery.finish()
        PullRequestCheck(
            self,
            "PullRequests",
            name=f"{PROJECT}-pull-requests",
            account=tooling.account,
            connection_arn=config.connection_arn,
            repository=config.repository,
            branch=config.branch,
            bucket=self._delivery.bucket,
            key_arn=self._delivery.key_arn,
            log_group=self._delivery.log_group,
            buildspec=_pull_request([*stages, tooling.name], config.branch),
        )

    def _synth(self, docker_hub_secret: str) -> pipelines.CodeBuildStep:
        step = self._delivery.step
        images = step(
            "Images",
            ["python -m delivery.images --output release/images.json"],
            output="release",
            secrets={
                "DOCKER_HUB_USERNAME": f"{docker_hub_secret}:username",
                "DOCKER_HUB_TOKEN": f"{docker_hub_secret}:accessToken",
            },
            minutes=60,
            # The Docker daemon in CodeBuild asks for it.
            privileged=True,
        )
        return step(
            "Synth",
            ["make check", "make pipeline IMAGES=release/images.json"],
            inputs={"release": images},
            output="cdk.out",
            # The type check takes 3 GiB while nothing of it is cached; a small one has no more.
            compute=aws_codebuild.ComputeType.MEDIUM,
        )

    def _before(self, one: Deployment) -> Sequence[pipelines.Step]:
        if not one.migration_test:
            return []
        migrations = self._delivery.step(
            f"migrations-{one.environment}",
            ["make migration-lint", "make migration-test"],
            # The last one that came to its end was the last release.
            variables={"RUN": _RUN},
            statements=[self._list_runs()],
        )
        return [migrations]

    def _after(self, one: Deployment) -> Sequence[pipelines.Step]:
        step, name = self._delivery.step, one.environment
        url = {"URL": one.url}
        smoke = step(f"smoke-{name}", [_TOOLS, 'python -m delivery.smoke "$URL"'], variables=url)
        watch = step(
            f"alarms-{name}",
            [_TOOLS, f"python -m delivery.alarms {name}"],
            variables={
                "WATCH_SECONDS": str(one.alarm_minutes * 60),
                "RUN": _RUN,
            },
            role=self._checks.role,
            minutes=one.alarm_minutes + 15,
        )
        if not one.load:
            return [smoke, watch]
        load = step(
            f"load-{name}",
            [_TOOLS, 'python -m delivery.load "$URL" $LOAD_OPTIONS'],
            variables={**url, "LOAD_OPTIONS": one.load_options},
        )
        # What doesn't work needs no load.
        load.add_step_dependency(smoke)
        return [smoke, load, watch]

    def _list_runs(self) -> aws_iam.PolicyStatement:
        return aws_iam.PolicyStatement(
            actions=["codepipeline:ListPipelineExecutions"],
            resources=[f"arn:aws:codepipeline:{self.region}:{self.account}:{PROJECT}"],
        )

    def _approval(self, environment: Environment) -> Sequence[pipelines.Step]:
        name = environment.name
        bucket, region = self._delivery.bucket.bucket_name, self.region
        page = f"review/{_EXECUTION}/{name}.html"
        review = self._delivery.step(
            f"review-{name}",
            ["make setup", f'.venv/bin/python -m delivery.review {name} assembly --to "$PAGE"'],
            inputs={"assembly": self._delivery.assembly},
            variables={"PAGE": f"s3://{bucket}/{page}"},
            role=self._checks.role,
        )
        approve = pipelines.ManualApprovalStep(
            f"approve-{name}",
            comment=f"Read what changes in {name}: templates, charts, permissions, replacements.",
            review_url=(
                f"https://{region}.console.aws.amazon.com/s3/object/{bucket}"
                f"?region={region}&prefix={page}"
            ),
        )
        approve.add_step_dependency(review)
        return [review, approve]


def _looked_at_by(environment: Environment) -> Sequence[str]:
    """The roles in an environment's account by which the pipeline sees what becomes of a deploy."""
    account, region = environment.account, environment.region
    return [
        f"arn:aws:iam::{account}:role/{PIPELINE.iam_name}",
        # Bootstrap's, which reads templates.
        f"arn:aws:iam::{account}:role/cdk-hnb659fds-lookup-role-{account}-{region}",
    ]


def _pull_request(accounts: Sequence[str], branch: str) -> Mapping[str, Any]:
    """Return the buildspec: what the pipeline checks too, and a page of what would change.

    The pages are written, and kept, whatever the checks say: what is refused needs one most.
    """
    review = f".venv/bin/python -m delivery.review --since origin/{branch}"
    reviews = [f"{review} --to report/{name}.html {name} cdk.out" for name in accounts]
    return {
        "version": "0.2",
        "phases": {
            "install": {"runtime-versions": RUNTIMES},
            # The synthesis first, so that the pages have it.
            "build": {"commands": ["make pipeline", "make check"]},
            "post_build": {"commands": ["mkdir report", *reviews]},
        },
        "artifacts": {"files": ["report/*"]},
    }


def _version(package: str) -> str:
    return str(json.loads(_PACKAGES.read_text())["devDependencies"][package])
