"""A pipeline that deploys an app's stages, itself included."""

from collections.abc import Mapping, Sequence

from aws_cdk import Duration, Stage, aws_codebuild, aws_codepipeline, aws_iam, pipelines
from constructs import Construct

from mindforce.artifact_bucket import ArtifactBucket
from mindforce.log_group import LogGroup

RUNTIMES = {"python": "3.11", "nodejs": "22"}
"""Of CodeBuild's image: what the app's commands and the CDK CLI are run by."""


class DeliveryPipeline(Construct):
    """A V2 pipeline that changes itself first; a stage that fails goes back to what it was."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        connection_arn: str,
        repository: str,
        branch: str,
        artifact_days: int,
        log_retention_days: int,
    ) -> None:
        super().__init__(scope, id)
        self._name = name
        self._connection_arn = connection_arn
        artifacts = ArtifactBucket(self, "Artifacts", days=artifact_days)
        self.bucket, self.key_arn = artifacts.bucket, artifacts.key.key_arn
        self.log_group = LogGroup(self, "Logs", retention_days=log_retention_days, keep=True)
        self._logging = aws_codebuild.LoggingOptions(
            cloud_watch=aws_codebuild.CloudWatchLoggingOptions(log_group=self.log_group)
        )
        self.source = pipelines.CodePipelineSource.connection(
            repository,
            branch,
            connection_arn=connection_arn,
            # With its history, which tells the last release.
            code_build_clone_output=True,
        )
        self._pipeline: pipelines.CodePipeline | None = None
        self._rolled_back: set[str] = set()
        self._steps: list[pipelines.CodeBuildStep] = []

    def step(
        self,
        name: str,
        commands: Sequence[str],
        *,
        output: str | None = None,
        inputs: Mapping[str, pipelines.IFileSetProducer] | None = None,
        variables: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        statements: Sequence[aws_iam.PolicyStatement] = (),
        role: aws_iam.IRole | None = None,
        minutes: int = 30,
        privileged: bool = False,
        compute: aws_codebuild.ComputeType | None = None,
    ) -> pipelines.CodeBuildStep:
        """Return a step that runs commands in a clone of the commit, and hands on `output`.

        `secrets` are environment variables from Secrets Manager, such as "name:key". It has a role
        of its own, which may do what `statements` say, unless it is given one.
        """
        values = {
            key: aws_codebuild.BuildEnvironmentVariable(
                type=aws_codebuild.BuildEnvironmentVariableType.SECRETS_MANAGER, value=value
            )
            for key, value in (secrets or {}).items()
        }
        made = pipelines.CodeBuildStep(
            name,
            project_name=f"{self._name}-{name}",
            input=self.source,
            additional_inputs=inputs or {},
            commands=list(commands),
            primary_output_directory=output,
            env=variables or {},
            role=role,
            role_policy_statements=list(statements) or None,
            timeout=Duration.minutes(minutes),
            build_environment=aws_codebuild.BuildEnvironment(
                privileged=privileged, environment_variables=values, compute_type=compute
            ),
        )
        # Each clones by itself.
        self._steps.append(made)
        return made

    def begin(
        self, synth: pipelines.CodeBuildStep, *, cli_version: str, assets_version: str
    ) -> None:
        """Take the step whose output is the cloud assembly, this pipeline in it."""
        self._pipeline = pipelines.CodePipeline(
            self,
            "Pipeline",
            synth=synth,
            pipeline_name=self._name,
            pipeline_type=aws_codepipeline.PipelineType.V2,
            execution_mode=aws_codepipeline.ExecutionMode.SUPERSEDED,
            artifact_bucket=self.bucket,
            cross_account_keys=True,
            cli_version=cli_version,
            cdk_assets_cli_version=assets_version,
            publish_assets_in_parallel=False,
            code_build_defaults=pipelines.CodeBuildOptions(
                logging=self._logging,
                partial_build_spec=aws_codebuild.BuildSpec.from_object(
                    {"phases": {"install": {"runtime-versions": RUNTIMES}}}
                ),
            ),
        )

    @property
    def assembly(self) -> pipelines.FileSet:
        """What the synthesis made."""
        assert self._pipeline is not None
        return self._pipeline.cloud_assembly_file_set

    def deploy(
        self,
        stage: Stage,
        *,
        before: Sequence[pipelines.Step],
        after: Sequence[pipelines.Step],
    ) -> None:
        """Deploy a stage between steps; where one of them fails, it is rolled back."""
        assert self._pipeline is not None
        self._pipeline.add_stage(stage, pre=list(before), post=list(after))
        self._rolled_back.add(stage.stage_name)

    def stop(self, name: str, steps: Sequence[pipelines.Step]) -> None:
        """Run steps, an approval among them, before what comes next.

        They are no part of a stage that is deployed, so a roll-back doesn't ask again.
        """
        assert self._pipeline is not None
        self._pipeline.add_wave(name, pre=list(steps))

    def finish(self) -> aws_codepipeline.Pipeline:
        """Make what was asked for."""
        assert self._pipeline is not None
        self._pipeline.build_pipeline()
        made = self._pipeline.pipeline
        resource = made.node.default_child
        assert isinstance(resource, aws_codepipeline.CfnPipeline)
        for number, stage in enumerate(made.stages):
            if stage.stage_name in self._rolled_back:
                resource.add_property_override(f"Stages.{number}.OnFailure.Result", "ROLLBACK")
        self._let_use_connection()
        return made

    def _let_use_connection(self) -> None:
        # CDK allows codestar-connections only, whatever the connection's ARN says.
        use = aws_iam.PolicyStatement(
            actions=["codeconnections:UseConnection"], resources=[self._connection_arn]
        )
        for step in self._steps:
            step.grant_principal.add_to_principal_policy(use)
        for construct in self.node.find_all():
            if isinstance(construct, aws_iam.Role) and "/Source/" in construct.node.path:
                construct.add_to_principal_policy(use)
